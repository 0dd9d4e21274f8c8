//! What people say. The rule: an exchange makes sense on its own, whoever of two or three says which part of it.

/// Who of those who talk says what, and whether it answers the line before.
pub(super) type Said = (usize, &'static str, bool);
/// A few lines that belong together.
pub(super) type Exchange = &'static [Said];

/// What is said between two.
pub(super) const BETWEEN_TWO: &[Exchange] = &[
    &[
        (0, "Hey, are you around later?", false),
        (1, "From six on. Why?", true),
        (0, "I have your umbrella. I could drop by.", false),
        (1, "So that's where it went 😄 Yes please!", true),
    ],
    &[
        (0, "Did you get home all right?", false),
        (1, "Just now. The last train was so full.", false),
        (0, "Glad to hear. Sleep well!", false),
        (1, "You too", false),
    ],
    &[
        (1, "Quick question: what was the name of that bakery?", false),
        (0, "The one on the corner of the square? Schmidt.", true),
        (1, "That's it, thanks!", false),
        (0, "Go before nine or the good rolls are gone.", false),
    ],
    &[
        (0, "Happy birthday!! 🎂", false),
        (1, "Thank you! You are the first one.", true),
        (0, "I set an alarm.", false),
        (1, "Of course you did.", true),
    ],
    &[
        (0, "Can you look over my application tonight? It's two pages.", false),
        (1, "Sure, send it over.", true),
        (0, "Just mailed it. Be honest!", false),
        (1, "It's good. I'd cut the second paragraph, it says the same as the first.", false),
        (0, "You're right. Done.", true),
    ],
    &[
        (1, "The printer says no again.", false),
        (0, "Have you tried closing tray two? Really closing it.", true),
        (1, "… it works.", false),
        (0, "It always is tray two.", false),
    ],
    &[
        (0, "What was the wifi password at your place?", false),
        (1, "On the back of the router, I never changed it 🙈", true),
        (0, "We'll talk about that.", false),
    ],
    &[
        (1, "Running ten minutes late, sorry!", false),
        (0, "No worries, I've got a table by the window.", true),
        (1, "Order me a tea?", false),
        (0, "Already did.", true),
    ],
];

/// What is said in groups, by topic.
pub(super) const IN_GROUPS: [&[Exchange]; 5] = [
    &[
        &[
            (0, "The forecast for the weekend looks good. Who's in?", false),
            (1, "Me! Same place as last time?", true),
            (2, "In, if we start before nine.", true),
            (0, "Eight thirty at the station then.", false),
            (1, "👍", false),
        ],
        &[
            (1, "Is the bridge below the mill open again?", false),
            (0, "Since Monday. I crossed it with the dog.", true),
            (2, "Great, that saves us the road.", false),
        ],
        &[
            (2, "Whose turn is it to bring the first-aid kit?", false),
            (1, "Mine. Packed.", true),
            (0, "And I've got the map, in case the phones die.", false),
            (2, "They always die 😅", true),
        ],
        &[
            (0, "Photos are in the shared folder.", false),
            (1, "The one at the lake is wonderful!", true),
            (2, "Can I use it as wallpaper?", false),
            (0, "Please do.", true),
        ],
    ],
    &[
        &[
            (0, "There's cake in the kitchen.", false),
            (1, "Which kind?", true),
            (0, "Carrot.", true),
            (2, "On my way", false),
            (1, "Leave me some!", false),
        ],
        &[
            (1, "The coffee machine wants to be descaled.", false),
            (2, "It has wanted that since March.", true),
            (0, "I'll do it at noon, get your coffee before that.", false),
        ],
        &[
            (2, "Lunch at half past twelve?", false),
            (0, "Noodles or the new place?", true),
            (1, "New place! They have a garden.", true),
            (2, "Booked for three.", false),
            (0, "Perfect.", false),
        ],
        &[
            (0, "Someone left a blue mug in the sink. Again.", false),
            (1, "Not me, mine is green.", false),
            (2, "… it was me. Sorry! Washing it now.", false),
        ],
    ],
    &[
        &[
            (0, "Build is green, tagging in ten minutes unless someone objects.", false),
            (1, "Wait for my fix to the retry? Review is done.", true),
            (0, "Sure. Tell me when it's merged.", true),
            (1, "Merged.", false),
            (0, "Tagged and rolling out.", false),
            (2, "Error rate is flat 🎉", false),
        ],
        &[
            (2, "Does anyone know why the nightly job took an hour?", false),
            (0, "The backup ran at the same time.", true),
            (2, "Moving it to four then.", false),
        ],
        &[
            (1, "Staging is down, that's me. Back in five.", false),
            (2, "Thanks for saying so 🙏", false),
            (1, "Back.", false),
        ],
        &[
            (0, "Alert from the disk of node 3, looking.", false),
            (0, "Old logs. Rotated them, 40% free now.", false),
            (1, "Shall we set a limit there?", false),
            (0, "Ticket is written.", true),
        ],
    ],
    &[
        &[
            (0, "I finished it last night. That ending!", false),
            (1, "No spoilers, I'm at chapter twelve!", true),
            (2, "Then read faster 😁", true),
            (1, "I have a job, you know.", true),
        ],
        &[
            (2, "Suggestions for next month?", false),
            (0, "Something short, please.", false),
            (1, "The one about the lighthouse keeper? 180 pages.", false),
            (2, "Sold.", true),
        ],
        &[
            (1, "Thursday at mine, seven o'clock?", false),
            (0, "Works for me. I'll bring olives.", true),
            (2, "And I bring the projector.", false),
            (1, "Subtitles or not?", false),
            (0, "Subtitles, the sound in your place is terrible.", true),
        ],
    ],
    &[
        &[
            (0, "Does anybody have a ladder? Three metres or so.", false),
            (1, "We do. It's in the shed, just take it.", true),
            (0, "Thank you! It'll be back on Sunday.", false),
        ],
        &[
            (2, "The trip is on Friday, they need boots and a packed lunch.", false),
            (0, "And the signed form, until Wednesday!", false),
            (1, "Which form?", true),
            (0, "The yellow one.", true),
            (1, "Found it. Under the banana.", false),
        ],
        &[
            (1, "A parcel for number 12 is with us.", false),
            (2, "That's mine, I'll come over after dinner.", true),
            (1, "We're up until ten.", false),
        ],
        &[
            (2, "Summer party: I'd say the last Saturday of June.", false),
            (0, "Good. We can bring two tables.", true),
            (1, "And I'll ask about the music.", false),
            (2, "Not too loud, remember last year 😬", true),
        ],
    ],
];

//! What people and groups are called.

pub(super) const FIRST: [&str; 40] = [
    "Ada", "Amir", "Ana", "Ben", "Carla", "Chen", "Clara", "Daniel", "Elif", "Emma", "Felix", "Fatima", "Grace",
    "Hugo", "Ines", "Ivan", "Jonas", "Julia", "Kofi", "Lara", "Leo", "Lina", "Luis", "Maria", "Mateo", "Mia", "Milan",
    "Nadia", "Nils", "Nora", "Omar", "Oskar", "Paula", "Priya", "Rosa", "Sami", "Sofia", "Tomas", "Yuki", "Zoe",
];

pub(super) const LAST: [&str; 30] = [
    "Adler", "Almeida", "Baker", "Berger", "Costa", "Dubois", "Fischer", "Fuchs", "Garcia", "Haas", "Hansen", "Ito",
    "Jansen", "Keller", "Khan", "Lang", "Lopez", "Mensah", "Meyer", "Moreau", "Novak", "Okafor", "Olsen", "Patel",
    "Rossi", "Silva", "Tanaka", "Vogel", "Weber", "Yilmaz",
];

/// With what is talked about there: an index into the topics of `talk`.
pub(super) const GROUPS: [(&str, usize); 10] = [
    ("Tuesday hikers", 0),
    ("Office kitchen", 1),
    ("Release crew", 2),
    ("Book club", 3),
    ("Parents of class 4b", 4),
    ("Mountain weekend", 0),
    ("Lunch?", 1),
    ("On call", 2),
    ("Film night", 3),
    ("Neighbours of Mill Street", 4),
];

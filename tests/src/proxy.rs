use sqlx::postgres::PgConnectOptions;
use std::future::pending;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// The order to commit, as it crosses the wire: a simple query of eleven bytes.
const COMMIT: &[u8] = b"Q\0\0\0\x0bCOMMIT\0";

/// A way to a Postgres database that breaks where a test tells it to.
pub struct Proxy {
    port: u16,
    database: String,
    way: Arc<Way>,
    _ends_when_dropped: JoinSet<()>,
}

/// What is lost of the next commit, with its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The order: the server never hears of it.
    Order,
    /// The answer: the server has committed.
    Answer,
    /// The order, and neither side is told: each waits for the other.
    Word,
}

struct Way {
    socket: PathBuf,
    cut: Mutex<Option<Cut>>,
    state: watch::Sender<State>,
    /// How often those who were in were left alone.
    strandings: AtomicUsize,
    /// How often somebody asked after an answer.
    turns: AtomicUsize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    /// Nothing passes, and nobody is told so.
    Hangs,
    /// Connections are closed as they come.
    Closed,
}

impl Proxy {
    /// A way to a database that listens on a socket file.
    pub async fn to(url: &str) -> Self {
        let options: PgConnectOptions = url.parse().unwrap();
        let socket = options.get_socket().unwrap().join(format!(".s.PGSQL.{}", options.get_port()));
        let way = Arc::new(Way {
            socket,
            cut: Mutex::default(),
            state: watch::Sender::new(State::Open),
            strandings: AtomicUsize::new(0),
            turns: AtomicUsize::new(0),
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let database = options.get_database().unwrap().to_owned();
        let mut tasks = JoinSet::new();
        tasks.spawn(accept(listener, Arc::clone(&way)));
        Self { port, database, way, _ends_when_dropped: tasks }
    }

    /// The address of the database by this way.
    #[must_use]
    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/{}", self.port, self.database)
    }

    /// Loses a part of the next commit.
    pub fn cut_next_commit(&self, cut: Cut) {
        *self.way.cut.lock().unwrap() = Some(cut);
    }

    /// Whether a commit is still to be cut.
    #[must_use]
    pub fn is_cut_to_come(&self) -> bool {
        self.way.cut.lock().unwrap().is_some()
    }

    /// Holds up whatever is on its way, and all that comes.
    pub fn hang(&self) {
        self.way.state.send_replace(State::Hangs);
    }

    /// Lets nothing more pass for whoever is in, and tells nobody; whoever comes is let in. So it is when a server vanishes and
    /// another takes its address.
    pub fn strand(&self) {
        self.way.strandings.fetch_add(1, Ordering::Relaxed);
    }

    /// How many round trips were made, over all connections.
    #[must_use]
    pub fn round_trips(&self) -> usize {
        self.way.turns.load(Ordering::Relaxed)
    }

    /// Lets nobody in any more; who is in stays.
    pub fn close(&self) {
        self.way.state.send_replace(State::Closed);
    }

    /// Lets everything pass again, what was held up, too.
    pub fn open(&self) {
        self.way.state.send_replace(State::Open);
    }
}

async fn accept(listener: TcpListener, way: Arc<Way>) {
    let mut relays = JoinSet::new();
    loop {
        let (client, _) = listener.accept().await.unwrap();
        if *way.state.borrow() != State::Closed {
            let way = Arc::clone(&way);
            // Either side may go away at any time: the other is then told by the end of its connection.
            relays.spawn(async move { drop(way.relay(client).await) });
        }
    }
}

impl Way {
    async fn relay(&self, mut client: TcpStream) -> std::io::Result<()> {
        client.set_nodelay(true)?;
        let mut server = UnixStream::connect(&self.socket).await?;
        let came = self.strandings.load(Ordering::Relaxed);
        let (mut asked, mut answered) = (vec![0; 65_536], vec![0; 65_536]);
        let mut is_answered = true;
        loop {
            tokio::select! {
                count = client.read(&mut asked) => {
                    let asked = &asked[..count?];
                    self.passable(came).await;
                    let cut = if asked.starts_with(COMMIT) { self.cut.lock().unwrap().take() } else { None };
                    if cut == Some(Cut::Word) {
                        return pending().await;
                    }
                    if asked.is_empty() || cut == Some(Cut::Order) {
                        return Ok(());
                    }
                    self.turns.fetch_add(usize::from(std::mem::take(&mut is_answered)), Ordering::Relaxed);
                    server.write_all(asked).await?;
                    if cut == Some(Cut::Answer) {
                        let _answered = server.read(&mut answered).await?;
                        return Ok(());
                    }
                }
                count = server.read(&mut answered) => {
                    let answered = &answered[..count?];
                    self.passable(came).await;
                    if answered.is_empty() {
                        return Ok(());
                    }
                    is_answered = true;
                    client.write_all(answered).await?;
                }
            }
        }
    }

    async fn passable(&self, came: usize) {
        let _ = self.state.subscribe().wait_for(|state| *state != State::Hangs).await;
        if self.strandings.load(Ordering::Relaxed) != came {
            pending::<()>().await;
        }
    }
}

use crate::mailbox::{self, Letter};
use crate::postgres::Database;
use crate::{Answer, PATIENCE, Person, tls};
use chat_core::{
    AccountOptions, Accounts, Chat, Limits, MailQueue, MailTemplates, MemoryMailer, MemoryStorage, PasswordCost,
    Registration, Storage, SystemClock, TokenKeys,
};
use chat_sqlite::SqliteStorage;
use reqwest::{Method, RequestBuilder};
use serde_json::Value;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::sync::{Arc, Mutex, OnceLock};
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::{Child, Command};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// The secret that signs logins in tests.
const SECRET: &str = "only for tests";

/// What a test runs against.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// The program `chat-server`, on a SQLite file.
    Program,
    /// The program `chat-server`, on a Postgres database.
    ProgramOnPostgres,
    /// `chat_warp::routes` in this process, on a SQLite file.
    RoutesOnSqlite,
    /// `chat_warp::routes` in this process, in memory.
    RoutesInMemory,
}

/// A running server with data of its own.
pub struct Server {
    scheme: &'static str,
    addr: SocketAddr,
    client: reqwest::Client,
    running: Running,
    directory: TempDir,
}

enum Running {
    Program { child: Box<Child>, launch: Launch, log: Log },
    Routes { accounts: Box<Accounts>, mails: Arc<MemoryMailer>, _ends_when_dropped: JoinSet<()> },
}

/// What the program has logged since it was ready, and before.
type Log = Arc<Mutex<String>>;

/// How the program is started, the first time and again.
#[derive(Default)]
struct Launch {
    /// What stands before the program on its command line.
    before: Vec<String>,
    flags: Vec<String>,
    environment: Vec<(String, String)>,
    database: Option<Database>,
}

impl Launch {
    fn new(flags: &[&str], environment: &[(&str, &str)]) -> Self {
        let flags = flags.iter().map(|flag| (*flag).to_owned()).collect();
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        Self { flags, environment: environment.iter().map(owned).collect(), ..Self::default() }
    }

    fn behind(self, before: &[String]) -> Self {
        Self { before: before.to_vec(), ..self }
    }
}

const WITH_SECRET: [(&str, &str); 1] = [("JWTSECRET", SECRET)];

impl Server {
    /// Starts a server that nobody has used.
    pub async fn start(kind: Kind) -> Self {
        Self::start_with_options(kind, &[], AccountOptions::default()).await
    }

    /// Starts a server that nobody has used and that lets guests in.
    pub async fn start_with_guests(kind: Kind) -> Self {
        let mut options = AccountOptions::default();
        options.guests = true;
        Self::start_with_options(kind, &["--guests"], options).await
    }

    /// Starts the program with these flags, or the routes with the options that mean the same.
    async fn start_with_options(kind: Kind, flags: &[&str], options: AccountOptions) -> Self {
        let directory = tempfile::tempdir().unwrap();
        match kind {
            Kind::Program => Self::program(directory, Launch::new(flags, &WITH_SECRET)).await,
            Kind::ProgramOnPostgres => {
                let database = Some(Database::create().await);
                Self::program(directory, Launch { database, ..Launch::new(flags, &WITH_SECRET) }).await
            }
            Kind::RoutesOnSqlite => {
                let storage = SqliteStorage::open(directory.path().join("chat.db")).await.unwrap();
                Self::routes(directory, Arc::new(storage), options).await
            }
            Kind::RoutesInMemory => Self::routes(directory, Arc::new(MemoryStorage::new()), options).await,
        }
    }

    /// Starts the program on a Postgres database of the caller's.
    pub async fn start_on(database_url: &str) -> Self {
        Self::start_with(&["--database-url", database_url]).await
    }

    /// Starts the program on a database that it cannot use, and returns its exit code and what it said.
    pub async fn fails_on(database_url: &str) -> (Option<i32>, String) {
        let mut command = Command::new(program());
        command.args(["--addr", "127.0.0.1:0", "--database-url", database_url]).env_clear().env("JWTSECRET", SECRET);
        let output =
            timeout(PATIENCE, command.stdin(Stdio::null()).kill_on_drop(true).output()).await.unwrap().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    }

    /// Starts the program three times on one Postgres database, which lives as long as what is returned with them.
    pub async fn nodes() -> (Database, [Self; 3]) {
        let database = Database::create().await;
        let nodes = [(); 3].map(|()| Self::start_on(database.url()));
        let nodes: [Self; 3] = futures::future::join_all(nodes).await.try_into().unwrap_or_else(|_| unreachable!());
        (database, nodes)
    }

    /// Kills the program without a warning.
    pub async fn kill(self) {
        let Running::Program { mut child, .. } = self.running else { panic!("only the program can be killed") };
        child.kill().await.unwrap();
    }

    /// Starts the program with these flags, besides those that keep it to itself.
    pub async fn start_with(flags: &[&str]) -> Self {
        Self::program(tempfile::tempdir().unwrap(), Launch::new(flags, &WITH_SECRET)).await
    }

    /// Starts the program in this directory with these flags.
    pub async fn start_in(directory: TempDir, flags: &[&str]) -> Self {
        Self::program(directory, Launch::new(flags, &WITH_SECRET)).await
    }

    /// Starts the program in this directory, behind the command line of another that becomes it.
    pub async fn start_behind(before: &[String], directory: TempDir, flags: &[&str]) -> Self {
        Self::program(directory, Launch::new(flags, &WITH_SECRET).behind(before)).await
    }

    /// Starts the program so that it speaks TLS, with a certificate that clients of tests trust.
    pub async fn start_with_tls(flags: &[&str]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        tls::certify(directory.path());
        let flags = [&["--tls-cert", tls::CERT, "--tls-key", tls::KEY], flags].concat();
        Self::start_in(directory, &flags).await
    }

    /// Starts the program without a secret, so that it signs logins with the key file that it makes.
    pub async fn start_with_key_file() -> Self {
        Self::start_with_environment(&[]).await
    }

    /// Starts the program with these environment variables and no other.
    pub async fn start_with_environment(environment: &[(&str, &str)]) -> Self {
        Self::program(tempfile::tempdir().unwrap(), Launch::new(&[], environment)).await
    }

    /// Runs the program once more beside the one that serves, in the same directory, with these arguments and environment
    /// variables; whether it ended well, and what it logged.
    pub async fn run(&self, arguments: &[&str], environment: &[(&str, &str)]) -> (bool, String) {
        let output = run(self.directory(), arguments, environment, "").await;
        (output.status.success(), String::from_utf8(output.stderr).unwrap())
    }

    /// Makes an administrator as whoever runs this server does, and logs them in.
    pub async fn administrator(&self, username: &str) -> Person {
        match &self.running {
            Running::Program { launch, .. } => {
                let mut environment = vec![("CHAT_ADMIN_PASSWORD", Person::PASSWORD)];
                environment.extend(launch.database.as_ref().map(|database| ("DATABASE_URL", database.url())));
                let (is_made, log) = self.run(&["admin", "create", "--username", username], &environment).await;
                assert!(is_made, "{log}");
            }
            Running::Routes { accounts, .. } => {
                let password = Person::PASSWORD.parse().unwrap();
                let registration = Registration::new(username.parse().unwrap(), password);
                accounts.register_administrator(registration).await.unwrap();
            }
        }
        Person::log_in(self, username).await
    }

    /// All that the program has logged.
    #[must_use]
    pub fn log(&self) -> String {
        let Running::Program { log, .. } = &self.running else { panic!("only the program has a log of its own") };
        log.lock().unwrap().clone()
    }

    /// Every mail that was sent to an address, oldest first.
    #[must_use]
    pub fn letters(&self, address: &str) -> Vec<Letter> {
        let letters = match &self.running {
            Running::Program { .. } => mailbox::read(&self.directory().join(".data/mail")),
            Running::Routes { mails, .. } => mails.sent().iter().map(Letter::from).collect(),
        };
        letters.into_iter().filter(|letter| letter.to == address).collect()
    }

    /// Waits until an address has so many mails, and returns the newest.
    pub async fn letter(&self, address: &str, count: usize) -> Letter {
        let arrived = async {
            loop {
                let mut letters = self.letters(address);
                if letters.len() >= count {
                    return letters.swap_remove(count - 1);
                }
                tokio::task::yield_now().await;
            }
        };
        timeout(PATIENCE, arrived).await.expect("a mail in time")
    }

    /// Lets the program end by itself after SIGTERM, then starts it again on the same data.
    pub async fn restart(self) -> Self {
        let Running::Program { mut child, launch, .. } = self.running else {
            panic!("only the program can be started again")
        };
        let pid = child.id().unwrap().to_string();
        assert!(Command::new("kill").arg(pid).status().await.unwrap().success());
        assert!(timeout(PATIENCE, child.wait()).await.unwrap().unwrap().success());
        Self::program(self.directory, launch).await
    }

    /// Kills the program without a warning, then starts it again on the same data.
    pub async fn crash(self) -> Self {
        let Running::Program { mut child, launch, .. } = self.running else { panic!("only the program can crash") };
        child.kill().await.unwrap();
        Self::program(self.directory, launch).await
    }

    /// Sends the program a signal, by a name such as `HUP`.
    pub async fn signal(&self, name: &str) {
        let signalled = Command::new("kill").args(["-s", name, &self.pid().to_string()]).status().await;
        assert!(signalled.unwrap().success());
    }

    /// The id of the process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        let Running::Program { child, .. } = &self.running else { panic!("only the program is a process of its own") };
        child.id().unwrap()
    }

    /// Waits until the log has these words so often.
    pub async fn logs(&self, words: &str, count: usize) {
        let logged = async {
            while self.log().matches(words).count() < count {
                tokio::task::yield_now().await;
            }
        };
        if timeout(PATIENCE, logged).await.is_err() {
            panic!("{words:?} is not logged: {}", self.log());
        }
    }

    /// Waits until the program has ended by itself; its exit code.
    pub async fn ended(&mut self) -> Option<i32> {
        let Running::Program { child, .. } = &mut self.running else { panic!("only the program can end") };
        timeout(PATIENCE, child.wait()).await.unwrap().unwrap().code()
    }

    /// Bytes of memory that the program holds now.
    #[must_use]
    pub fn memory(&self) -> usize {
        let Running::Program { child, .. } = &self.running else { panic!("only the program has memory of its own") };
        let status = std::fs::read_to_string(format!("/proc/{}/status", child.id().unwrap())).unwrap();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
        resident.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1_024
    }

    /// Where it listens.
    #[must_use]
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// The address of a path.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.addr)
    }

    /// A client for requests that no [`Person`] makes.
    #[must_use]
    pub fn client(&self) -> &reqwest::Client {
        &self.client
    }

    /// A request of a stranger.
    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, self.url(path))
    }

    /// `GET` by a stranger.
    pub async fn get(&self, path: &str) -> Answer {
        Answer::to(self.request(Method::GET, path)).await
    }

    /// `POST` by a stranger, with a JSON body that does not say it is one.
    pub async fn post(&self, path: &str, body: Value) -> Answer {
        Answer::to(self.request(Method::POST, path).body(body.to_string())).await
    }

    /// Sends the bytes of a request as they are, which no client might, and returns those of the response, which is to
    /// be the last of its connection.
    pub async fn raw(&self, request: &[u8]) -> String {
        let mut stream = TcpStream::connect(self.addr).await.unwrap();
        stream.write_all(request).await.unwrap();
        let mut response = Vec::new();
        timeout(PATIENCE, stream.read_to_end(&mut response)).await.unwrap().unwrap();
        String::from_utf8(response).unwrap()
    }

    /// Where the data is.
    #[must_use]
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// Registers a person and logs them in.
    pub async fn person(&self, username: &str) -> Person {
        Person::register(self, username).await
    }

    /// Registers several people and logs them in.
    pub async fn people<const N: usize>(&self, usernames: [&str; N]) -> [Person; N] {
        let people = futures::future::join_all(usernames.map(|username| self.person(username))).await;
        people.try_into().unwrap_or_else(|_| unreachable!())
    }

    async fn routes(directory: TempDir, storage: Arc<dyn Storage>, mut options: AccountOptions) -> Self {
        options.password_cost = PasswordCost::new(8, 1, 1).unwrap();
        let keys = TokenKeys::hs256(SECRET.as_bytes()).unwrap();
        let mails = Arc::new(MemoryMailer::default());
        let queue = MailQueue::new(mails.clone(), &Limits::default());
        let accounts = Accounts::new(Arc::clone(&storage), Arc::new(SystemClock), keys, options);
        let accounts = accounts.with_mail(queue, MailTemplates::new("http://chat.example.org"));
        let chat = Chat::builder(storage).identities(Arc::new(accounts.clone())).build();
        let routes = chat_warp::routes(chat, chat_warp::Options::new(accounts.clone()));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        #[cfg(target_os = "linux")]
        socket2::SockRef::from(&listener).set_tcp_notsent_lowat(128 * 1_024).unwrap();
        let addr = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(warp::serve(routes).incoming(listener).run());
        let running = Running::Routes { accounts: Box::new(accounts), mails, _ends_when_dropped: tasks };
        Self { scheme: "http", addr, client: client(), running, directory }
    }

    async fn program(directory: TempDir, launch: Launch) -> Self {
        let mut child = command(&launch.before)
            .args(["--addr", "127.0.0.1:0", "--log-format", "json"])
            .args(&launch.flags)
            .current_dir(directory.path())
            .env_clear()
            .envs(launch.environment.iter().map(|(name, value)| (name, value)))
            .envs(launch.database.as_ref().map(|database| ("DATABASE_URL", database.url())))
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let log = Log::default();
        let (scheme, addr) = timeout(PATIENCE, ready(&mut child, &log)).await.expect("the server is ready in time");
        let running = Running::Program { child: Box::new(child), launch, log };
        Self { scheme, addr, client: client(), running, directory }
    }
}

/// One that gives up what is never answered, and trusts the certificates of tests.
fn client() -> reqwest::Client {
    reqwest::Client::builder().timeout(PATIENCE).tls_certs_only([tls::authority()]).build().unwrap()
}

/// The program, behind the command line of another that becomes it.
fn command(before: &[String]) -> Command {
    let Some((first, rest)) = before.split_first() else { return Command::new(program()) };
    let mut command = Command::new(first);
    command.args(rest).arg(program());
    command
}

/// Reads the log until it names the address, and keeps the rest of it as it comes.
async fn ready(child: &mut Child, log: &Log) -> (&'static str, SocketAddr) {
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    loop {
        let line = lines.next_line().await.unwrap().expect("a server that is ready before it ends");
        let entry: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        log.lock().unwrap().push_str(&(line + "\n"));
        if let Some(address) = entry["fields"]["address"].as_str() {
            let log = Arc::clone(log);
            tokio::spawn(async move {
                while let Ok(Some(line)) = lines.next_line().await {
                    log.lock().unwrap().push_str(&(line + "\n"));
                }
            });
            let scheme = if address.starts_with("https") { "https" } else { "http" };
            return (scheme, address.split("//").nth(1).unwrap().parse().unwrap());
        }
    }
}

/// Runs the program in a directory with these arguments, these environment variables and no other, and this to read.
pub async fn run(directory: &Path, arguments: &[&str], environment: &[(&str, &str)], input: &str) -> Output {
    run_behind(&[], directory, arguments, environment, input).await
}

/// The same, behind the command line of another program that becomes it.
pub async fn run_behind(
    before: &[String],
    directory: &Path,
    arguments: &[&str],
    environment: &[(&str, &str)],
    input: &str,
) -> Output {
    let mut child = command(before)
        .args(arguments)
        .current_dir(directory)
        .env_clear()
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    // A program that reads nothing may have ended by now.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes()).await;
    timeout(PATIENCE, child.wait_with_output()).await.unwrap().unwrap()
}

/// Runs the program at a terminal, where someone gives these answers to its questions; how it ended, and all that was to be
/// seen.
pub async fn run_at_terminal(directory: &Path, arguments: &[&str], answers: &[&str]) -> (Option<i32>, String) {
    let terminal = Path::new(env!("CARGO_MANIFEST_DIR")).join("terminal.py");
    let mut command = Command::new("python3");
    command.arg(terminal).arg(answers.join("\n")).arg(program()).args(arguments).current_dir(directory);
    let output = timeout(PATIENCE, command.stdin(Stdio::null()).kill_on_drop(true).output()).await.unwrap().unwrap();
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned())
}

/// The program, built once.
fn program() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let built = std::process::Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--locked", "--package", "chat-server"])
            .current_dir(env!("CARGO_MANIFEST_DIR"))
            .status();
        assert!(built.unwrap().success(), "chat-server must build");
        // This test stands in `deps`, the program beside that directory.
        let this = std::env::current_exe().unwrap();
        this.ancestors().nth(2).unwrap().join(format!("chat-server{}", std::env::consts::EXE_SUFFIX))
    })
}

//! How long a server takes from its start to its first answer, once its database and its key pair exist.

use crate::Outcome;
use crate::arguments::Arguments;
use crate::stage;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

const STARTS: usize = 10;

pub(crate) fn run(arguments: &Arguments) -> Outcome {
    println!("\nstart: from nothing to the first answer");
    let directory = stage::directory(arguments)?;
    let (database, key) =
        (directory.path().join("chat.db"), directory.path().join("jwt-key.pem").display().to_string());
    let mut taken = vec![];
    for _ in 0..=STARTS {
        let began = Instant::now();
        let (_server, address) = stage::serve(arguments, &database, &[("JWT_KEY", &key)])?;
        let mut connection = TcpStream::connect(address)?;
        connection.write_all(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer)?;
        if !answer.starts_with("HTTP/1.1 200") {
            return Err(format!("the first answer was {answer}").into());
        }
        taken.push(began.elapsed());
    }
    let first = taken.remove(0);
    taken.sort();
    let millis = |time: Duration| time.as_secs_f64() * 1e3;
    println!("  the first, which makes the database and the key pair: {:.1} ms", millis(first));
    println!("  later ones: median {:.1} ms, longest {:.1} ms", millis(taken[STARTS / 2]), millis(taken[STARTS - 1]));
    let size = std::fs::metadata(stage::program(arguments)?)?.len();
    println!("  the program: {:.1} MB", size as f64 / 1e6);
    Ok(())
}

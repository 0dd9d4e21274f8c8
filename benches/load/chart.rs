//! The cost of fan-out as a picture: this engine's beside that of other servers.

use std::fmt::Write;

/// What others were measured at, in microseconds of CPU per delivery with one message in flight and with sixteen, on one
/// machine with two cores, 1,000 subscribers of one group and 128-byte payloads. They store nothing and check nothing.
const OTHERS: [(&str, Option<f64>, f64); 8] = [
    ("nats-server 2.9", Some(7.4), 0.725),
    ("warp 0.4, a channel per connection", Some(5.5), 1.5),
    ("nchan 1.3 (nginx)", Some(4.5), 2.1),
    ("bare epoll loop", Some(3.7), 3.6),
    ("Node ws", Some(5.5), 5.4),
    ("aiohttp 3.14", None, 6.1),
    ("Socket.IO 4.8", None, 6.7),
    ("FastAPI on uvicorn", None, 7.5),
];

const WIDTH: f64 = 760.0;
const LEFT: f64 = 250.0;
const TOP: f64 = 64.0;
const ROW: f64 = 40.0;
const BAR: f64 = 14.0;

/// What was measured in one run, in microseconds of CPU per delivery.
pub(crate) struct Run {
    /// By the bare epoll loop, one message in flight.
    pub(crate) floor: f64,
    /// By the chat server, one message in flight.
    pub(crate) one: f64,
    /// By the chat server, sixteen in flight.
    pub(crate) sixteen: f64,
}

/// Draws the figures of a run as SVG. What others were measured at is scaled by how the bare epoll loop fared then and now.
pub(crate) fn draw(run: &Run) -> String {
    let scale = run.floor / 3.7;
    let others = OTHERS.iter().map(|(name, one, sixteen)| (*name, one.map(|one| one * scale), sixteen * scale));
    let mut rows: Vec<_> = others.collect();
    rows.insert(0, ("this server, every message stored", Some(run.one), run.sixteen));
    let longest = rows.iter().map(|(_, one, sixteen)| one.unwrap_or(0.0).max(*sixteen)).fold(0.0, f64::max);
    let height = TOP + ROW * rows.len() as f64 + 40.0;
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="system-ui, sans-serif" font-size="13">
<rect width="100%" height="100%" fill="#ffffff"/>
<text x="16" y="26" font-size="16" font-weight="600" fill="#1f2937">CPU for each delivery, in µs: 1,000 members of one group</text>
<rect x="{LEFT}" y="38" width="12" height="12" fill="#94a3b8"/><text x="{}" y="48" fill="#334155">one message in flight</text>
<rect x="{}" y="38" width="12" height="12" fill="#2563eb"/><text x="{}" y="48" fill="#334155">sixteen in flight</text>
"##,
        LEFT + 18.0,
        LEFT + 180.0,
        LEFT + 198.0,
    );
    for (position, (name, one, sixteen)) in rows.iter().enumerate() {
        let y = TOP + ROW * position as f64;
        let weight = if position == 0 { 600 } else { 400 };
        // Writing to a string cannot fail.
        let _ = writeln!(
            svg,
            r##"<text x="{}" y="{}" text-anchor="end" font-weight="{weight}" fill="#1f2937">{name}</text>"##,
            LEFT - 10.0,
            y + BAR + 5.0
        );
        let bars = [(y, *one, "#94a3b8"), (y + BAR + 1.0, Some(*sixteen), "#2563eb")];
        for (y, micros, colour) in bars {
            if let Some(micros) = micros {
                bar(&mut svg, y, micros, micros / longest, colour);
            }
        }
    }
    let _ = writeln!(
        svg,
        r##"<text x="16" y="{}" font-size="11" fill="#64748b">The others relay and store nothing; their figures are scaled by the bare epoll loop of this run ({:.1} µs).</text>
</svg>"##,
        height - 14.0,
        run.floor
    );
    svg
}

fn bar(svg: &mut String, y: f64, micros: f64, share: f64, colour: &str) {
    let width = share * (WIDTH - LEFT - 60.0);
    let _ = writeln!(
        svg,
        r##"<rect x="{LEFT}" y="{y}" width="{width:.1}" height="{BAR}" fill="{colour}"/><text x="{:.1}" y="{}" font-size="11" fill="#334155">{micros:.2}</text>"##,
        LEFT + width + 6.0,
        y + BAR - 3.0
    );
}

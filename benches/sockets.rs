//! What a call costs with real sockets: a media plane in meetings of ten over loopback UDP, one packet in and one out for each leg every 20 ms, for some
//! seconds. Beside it the same sockets and system calls with nothing between: what the kernel alone costs on this machine, at this hour.
//! Processor time of the thread that serves; the callers are another thread, on another core. `cargo bench --bench sockets -- 100 1000`.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, reason = "a bench measures with a clock, and stops where something is amiss")]

#[path = "../tests/queues/mod.rs"]
mod queues;

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use ljudbro::bridge::plane::WAKE;
use ljudbro::bridge::{MediaCommand, MediaPlane, Ports, SeenBy, Slot};
use ljudbro::codec::{Codec, OpusSettings};
use ljudbro::media::mixer::MixSettings;
use ljudbro::media::{Codecs, Leg, LegSetup};
use ljudbro::names::{LegId, MeetingKey};
use ljudbro::run::counters::Counters;
use ljudbro::run::machine;
use ljudbro::run::port::PortTable;
use ljudbro::run::ports::PortPool;
use ljudbro::run::ticker::Ticker;
use ljudbro::wire::rtp::Packet;
use nix::time::{ClockId, clock_gettime};

/// What is measured, after as long a start.
const WINDOW: Duration = Duration::from_secs(4);
const HOME: SeenBy = SeenBy { local: IpAddr::V4(Ipv4Addr::LOCALHOST), peer: IpAddr::V4(Ipv4Addr::LOCALHOST) };
/// Amplitude of the one of ten who speaks.
const LOUD: f64 = 5000.0;

fn main() {
    machine::raise_descriptors();
    let mut sizes: Vec<usize> = std::env::args().skip(1).filter_map(|word| word.parse().ok()).collect();
    if sizes.is_empty() {
        sizes = vec![100, 1000, 2000];
    }
    println!("| legs | sockets alone, µs a call and 20 ms | the bridge, µs | of it ours, µs |\n|---|---|---|---|");
    for legs in sizes {
        let [bare, bridge] = [false, true].map(|bridge| run(legs, bridge));
        let show = |cost: Option<f64>| cost.map_or("one core is too little".to_owned(), |cost| format!("{cost:.2}"));
        println!("| {legs} | {} | {} | {} |", show(bare), show(bridge), show(bare.zip(bridge).map(|(bare, bridge)| bridge - bare)));
    }
}

/// Processor time, µs a leg and 20 ms; `None`: turns were missed.
fn run(legs: usize, bridge: bool) -> Option<f64> {
    let mut pool = PortPool::new(20_000..=39_999, None);
    let mut ports = PortTable::new(legs, Arc::new(Counters::default()));
    let epoch = Instant::now();
    let mut plane = MediaPlane::new(epoch, legs, queues::prompts(), MixSettings { speakers: 5, level: true });
    let mut phones = Vec::new();
    for leg in 0..legs {
        let (port, at) = pool.open(HOME, 2 * leg as u32).unwrap();
        let phone = UdpSocket::bind((HOME.peer, 0)).unwrap();
        phone.set_nonblocking(true).unwrap();
        phone.connect(at).unwrap();
        let slot = plane.add(epoch, leg_of(epoch, leg as u64, phone.local_addr().unwrap())).unwrap();
        ports.put(slot, port).unwrap();
        phones.push(phone);
    }
    for leg in 0..legs as u64 {
        assert!(plane.command(epoch, MediaCommand::Join(LegId(leg), MeetingKey(leg as u32 / 10))).is_none());
    }
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| talk(epoch, &phones, &over));
        let mut server = Server { plane, ports, ticker: Ticker::new(epoch).unwrap(), legs, bridge };
        let served = scope.spawn(move || {
            let _ = machine::stay_on_core(0);
            server.serve(WINDOW);
            let before = processor_time();
            (server.serve(WINDOW), processor_time() - before)
        });
        let served = served.join();
        over.store(true, Ordering::Relaxed);
        let (packets, spent) = served.unwrap();
        let all = packets as f64 > 0.98 * legs as f64 * WINDOW.as_secs_f64() * 50.0;
        all.then_some(spent.as_secs_f64() * 1e6 / packets as f64)
    })
}

struct Server {
    plane: MediaPlane,
    ports: PortTable,
    ticker: Ticker,
    legs: usize,
    bridge: bool,
}

impl Server {
    /// For so long; turns of all legs.
    fn serve(&mut self, length: Duration) -> usize {
        let (begun, mut turns) = (Instant::now(), 0);
        self.ticker.restart(begun);
        let mut buffer = [0; 1500];
        loop {
            let wake = self.ticker.sleep();
            let now = Instant::now();
            if now - begun > length {
                return turns;
            }
            self.ports.wake(now);
            let phase = wake.number as usize % 4;
            let quarter = (phase..self.legs).step_by(4);
            turns += quarter.len();
            if self.bridge {
                self.plane.tick(now, wake.number, &mut self.ports);
                while self.plane.poll_event().is_some() {}
                continue;
            }
            for leg in quarter.map(|leg| Slot(leg as u32)) {
                if let Some(datagram) = self.ports.receive(leg, &mut buffer) {
                    self.ports.send(leg, datagram.from, &buffer[..datagram.len]);
                }
            }
        }
    }
}

fn leg_of(epoch: Instant, leg: u64, phone: SocketAddr) -> Box<Leg> {
    let mut media = queues::Caller::update(leg, Codec::Pcma);
    (media.remote, media.remote_rtcp, media.signalled_from) = (Some(phone), None, phone.ip());
    let codecs = Box::new(Codecs::new(&media, None, &OpusSettings::default()).unwrap());
    let (ssrc, first_sequence, first_timestamp, cname) = (leg as u32, 1, 1, *b"0123456789abcdef");
    Box::new(Leg::new(epoch, LegSetup { leg: LegId(leg), ssrc, first_sequence, first_timestamp, cname, media, codecs }))
}

/// All phones, a quarter of them at each wake: a packet out, and what came in. One of ten speaks.
fn talk(epoch: Instant, phones: &[UdpSocket], over: &AtomicBool) {
    // With one core both share what there is.
    let _ = machine::stay_on_core(1);
    let (mut silence, mut tone) = ([0; 160], [0; 160]);
    Codec::Pcma.encode(&[0; 160], &mut silence);
    let sine: [i16; 160] = std::array::from_fn(|n| (LOUD * (std::f64::consts::TAU * 0.05 * n as f64).sin()) as i16);
    Codec::Pcma.encode(&sine, &mut tone);
    let mut ticker = Ticker::new(epoch + WAKE / 2).unwrap();
    let mut octets = [0; 172];
    while !over.load(Ordering::Relaxed) {
        let wake = ticker.sleep().number;
        for (n, phone) in phones.iter().enumerate().skip(wake as usize % 4).step_by(4) {
            let payload = if n % 10 == 3 { &tone } else { &silence };
            let round = (wake / 4) as u32;
            // Sequence numbers go round.
            let packet = Packet {
                marker: false,
                payload_type: 8,
                sequence: round as u16,
                timestamp: round.wrapping_mul(160),
                ssrc: n as u32,
                payload,
            };
            let length = packet.write(&mut octets);
            let _ = phone.send(&octets[..length]);
            while phone.recv(&mut [0; 200]).is_ok() {}
        }
    }
}

fn processor_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap().into()
}

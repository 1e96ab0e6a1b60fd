use std::net::{IpAddr, Ipv4Addr, UdpSocket};
use std::sync::Arc;
use std::time::Duration;

use nix::sys::eventfd::EventFd;

use super::*;
use crate::bridge::{MediaEvent, SeenBy};
use crate::codec::Codec;
use crate::media::{Direction, LegSetup, LegUpdate, prompt};
use crate::names::LegId;
use crate::run::link::{self, ControlEnd};
use crate::run::ports::PortPool;

/// A machine under load may take this long; a healthy one is a hundred times faster.
const PATIENCE: Duration = Duration::from_secs(2);
const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

struct Bench {
    links: Vec<ControlEnd>,
    threads: Vec<JoinHandle<()>>,
    pool: PortPool,
    _told: Arc<EventFd>,
}

impl Bench {
    /// Workers, and a range of ports that no other test uses.
    fn new(workers: u16, first_port: u16) -> Self {
        let counters = Arc::new(Counters::default());
        let told = link::told().unwrap();
        let epoch = Instant::now();
        let board = Board::new(usize::from(workers), counters.clone());
        let (links, threads) = (0..workers)
            .map(|id| {
                let (control, end) = link::link(told.clone(), counters.clone()).unwrap();
                let prompts = prompt::built_in().set.clone();
                let setup = WorkerSetup {
                    id: WorkerId(id),
                    capacity: 8,
                    epoch,
                    mix: MixSettings::default(),
                    prompts,
                    link: end,
                    counters: counters.clone(),
                    board: board.clone(),
                };
                (control, start(setup).unwrap())
            })
            .unzip();
        Self { links, threads, pool: PortPool::new(first_port..=first_port + 19, None), _told: told }
    }

    /// Bind a pair and give a leg to worker 0. Returns the caller's socket.
    fn call(&mut self, leg: LegId) -> UdpSocket {
        let caller = UdpSocket::bind((HOME, 0)).unwrap();
        caller.set_read_timeout(Some(PATIENCE)).unwrap();
        let (port, named) = self.pool.open(SeenBy { local: HOME, peer: HOME }, 0).unwrap();
        caller.connect(named).unwrap();
        let media = LegUpdate {
            codec: Codec::Pcma,
            payload_type: 8,
            receive: [(8, Codec::Pcma)].into_iter().collect(),
            events: Default::default(),
            comfort_noise: Default::default(),
            redundancy: Default::default(),
            opus_bitrate: None,
            ptime_ms: 20,
            remote: Some(caller.local_addr().unwrap()),
            remote_rtcp: None,
            rtcp_mux: true,
            signalled_from: HOME,
            direction: Direction::SendReceive,
        };
        let setup = LegSetup {
            leg,
            ssrc: 0x5eed,
            first_sequence: 100,
            first_timestamp: 1000,
            cname: *b"0123456789abcdef",
            media,
            codecs: Default::default(),
        };
        let leg = Box::new(Leg::new(Instant::now(), setup));
        self.order(0, Order::Add { leg, port, moved: false });
        caller
    }

    fn order(&mut self, worker: usize, order: Order) {
        self.links[worker].send(order);
        self.links[worker].flush();
    }

    fn report(&mut self, worker: usize) -> Report {
        let until = Instant::now() + PATIENCE;
        loop {
            if let Some(report) = self.links[worker].take() {
                return report;
            }
            assert!(Instant::now() < until, "no report came");
            std::thread::yield_now();
        }
    }

    /// Reports of what a leg heard may come at any time; wait for something else.
    fn answer(&mut self, worker: usize) -> Report {
        loop {
            match self.report(worker) {
                Report::Event(_) => {}
                answer => return answer,
            }
        }
    }

    fn end(mut self) {
        for worker in 0..self.links.len() {
            self.order(worker, Order::Stop);
        }
        for thread in self.threads {
            thread.join().unwrap();
        }
    }
}

/// Sequence number, timestamp and SSRC of the next RTP packet (RFC 3550 §5.1).
fn next_rtp(caller: &UdpSocket) -> (u16, u32, u32) {
    let mut packet = [0; 1500];
    loop {
        let len = caller.recv(&mut packet).expect("RTP comes");
        let kind = packet[1] & 0x7f;
        // RTCP shares the port (RFC 5761 §4).
        if !(64..96).contains(&kind) {
            assert_eq!((len, kind), (172, 8));
            let word = |at: usize| u32::from_be_bytes(packet[at..at + 4].try_into().unwrap());
            return (u16::from_be_bytes([packet[2], packet[3]]), word(4), word(8));
        }
    }
}

fn rtp(sequence: u16) -> Vec<u8> {
    let mut packet = vec![0x80, 8];
    packet.extend(sequence.to_be_bytes());
    packet.extend((u32::from(sequence) * 160).to_be_bytes());
    packet.extend(7u32.to_be_bytes());
    packet.extend([0xd5; 160]);
    packet
}

#[test]
fn a_leg_sends_at_once_and_without_a_gap_and_is_given_back_when_removed() {
    let mut bench = Bench::new(1, 13_000);
    let begun = Instant::now();
    let caller = bench.call(LegId(1));
    let first = next_rtp(&caller);
    let waited = begun.elapsed();
    assert_eq!(first, (100, 1000, 0x5eed));
    // A phase comes round every 20 ms; the rest is room for a busy machine.
    assert!(waited < Duration::from_millis(500), "{waited:?}");
    let mut last = 100;
    for _ in 1..5 {
        let (sequence, timestamp, ssrc) = next_rtp(&caller);
        assert!(sequence > last);
        // A busy machine may have left a turn out: its numbers are used up.
        assert_eq!((timestamp, ssrc), (1000 + 160 * u32::from(sequence - 100), 0x5eed));
        last = sequence;
    }
    bench.order(0, Order::Remove(LegId(1)));
    let Report::Removed(LegId(1), Some(given)) = bench.answer(0) else { panic!("not removed") };
    assert!(given.leg.report().sent >= 5);
    bench.pool.close(given.port);
    bench.order(0, Order::Remove(LegId(1)));
    assert!(matches!(bench.answer(0), Report::Removed(LegId(1), None)), "asked twice, answered twice");
    bench.end();
}

#[test]
fn the_first_packet_of_a_caller_is_reported() {
    let mut bench = Bench::new(1, 13_020);
    let caller = bench.call(LegId(4));
    caller.send(&rtp(1)).unwrap();
    let Report::Event(event) = bench.report(0) else { panic!("no event") };
    assert!(matches!(event, MediaEvent::FirstPacket(LegId(4))), "{event:?}");
    bench.end();
}

#[test]
fn a_leg_moves_between_workers_socket_and_all() {
    let mut bench = Bench::new(2, 13_040);
    let caller = bench.call(LegId(2));
    // Latched and connected, so that a socket that is connected moves.
    caller.send(&rtp(1)).unwrap();
    let before = next_rtp(&caller);
    bench.order(0, Order::Release(LegId(2), WorkerId(1)));
    let Report::Released(LegId(2), WorkerId(1), Some(Given { leg, port })) = bench.answer(0) else { panic!("not released") };
    let number = port.number();
    bench.order(1, Order::Add { leg, port, moved: true });
    assert!(matches!(bench.answer(1), Report::Moved(LegId(2))));
    let mut last = before;
    for _ in 0..5 {
        let next = next_rtp(&caller);
        let turns = u32::from(next.0 - last.0);
        assert!(turns > 0 && (next.1, next.2) == (last.1 + 160 * turns, last.2), "one stream, whatever thread it comes from");
        last = next;
    }
    bench.order(1, Order::Remove(LegId(2)));
    let Report::Removed(_, Some(given)) = bench.answer(1) else { panic!("not removed") };
    assert_eq!(given.port.number(), number);
    bench.end();
}

#[test]
fn a_caller_whose_phone_is_not_listening_yet_does_not_disturb() {
    let mut bench = Bench::new(1, 13_060);
    let caller = bench.call(LegId(3));
    let address = caller.local_addr().unwrap();
    caller.send(&rtp(1)).unwrap();
    next_rtp(&caller);
    let ours = caller.peer_addr().unwrap();
    // ICMP "port unreachable" answers what is sent now (ECONNREFUSED).
    drop(caller);
    let witness = bench.call(LegId(4));
    for _ in 0..5 {
        next_rtp(&witness);
    }
    let again = UdpSocket::bind(address).unwrap();
    again.set_read_timeout(Some(PATIENCE)).unwrap();
    again.connect(ours).unwrap();
    next_rtp(&again);
    bench.end();
}

#[test]
fn prompt_sets_come_back_to_be_freed() {
    let mut bench = Bench::new(1, 13_080);
    let set = prompt::built_in().set.clone();
    bench.order(0, Order::Prompts(set.clone()));
    let Report::Retired(old) = bench.answer(0) else { panic!("not retired") };
    assert!(Arc::ptr_eq(&old, &set), "it was the same set");
    bench.end();
}

#[test]
fn a_worker_ends_when_the_control_side_is_gone() {
    let Bench { links, threads, .. } = Bench::new(1, 13_100);
    // Even one that sleeps: dropping the link wakes it.
    drop(links);
    for thread in threads {
        thread.join().unwrap();
    }
}

//! Who is let in, by loads that are fed in.
#![allow(clippy::disallowed_methods, reason = "a test needs some instant to start from")]

use super::*;

const LOOK: Duration = Duration::from_millis(100);
const LEGS: usize = 100;

/// Two workers and a clock.
struct Bench {
    overload: Overload,
    now: Instant,
    changes: Vec<(u128, Change)>,
    start: Instant,
}

impl Bench {
    fn new() -> Self {
        let now = Instant::now();
        Self { overload: Overload::new(2), now, changes: Vec::new(), start: now }
    }

    /// This load on the first worker for so many looks.
    fn run(&mut self, share: f32, looks: u32) {
        for _ in 0..looks {
            self.now += LOOK;
            let change = self.overload.measured(self.now, WorkerId(0), share, LOOK, LEGS);
            self.changes.extend(change.map(|change| ((self.now - self.start).as_millis(), change)));
        }
    }

    fn closed(&self) -> bool {
        !self.overload.admits(WorkerId(0))
    }
}

#[test]
fn a_worker_near_its_budget_closes_and_opens_again_when_the_load_has_gone() {
    let mut bench = Bench::new();
    bench.run(0.6, 100);
    assert!((bench.overload.load(WorkerId(0)) - 0.6).abs() < 0.01);
    bench.run(0.95, 30);
    assert!(bench.closed() && bench.overload.any_admits(), "the other one is free");
    assert_eq!(bench.overload.lightest(&[0, 500]), WorkerId(1));
    bench.run(0.3, 30);
    assert!(!bench.closed());
    let (closed, opened) = (bench.changes[0].0, bench.changes[1].0);
    assert!((10_000..11_500).contains(&closed) && (13_000..15_000).contains(&opened), "{:?}", bench.changes);
}

#[test]
fn a_leg_that_has_come_counts_until_the_load_holds_it_and_as_those_before_it_cost() {
    let mut bench = Bench::new();
    assert_eq!(bench.overload.outlook(WorkerId(0)), 0.0);
    bench.run(0.45, 50);
    // A hundred legs make 0.40 of it: the next one makes 0.004, though it is told to cost a tenth of that.
    for _ in 0..87 {
        assert!(bench.overload.admits(WorkerId(0)));
        bench.overload.expect(WorkerId(0), 0.0004);
    }
    bench.overload.expect(WorkerId(0), 0.0004);
    assert!(!bench.overload.admits(WorkerId(0)), "{}", bench.overload.outlook(WorkerId(0)));
    assert_eq!(bench.changes, [], "it is not closed: it has room for them, one after the other");
    // They came in vain: a second later nothing is expected of them.
    bench.run(0.45, 20);
    assert!((bench.overload.outlook(WorkerId(0)) - 0.45).abs() < 0.02);
    // Others come and are as dear as those: load and expectation together never fall below what they will make.
    for _ in 0..80 {
        bench.overload.expect(WorkerId(0), 0.0004);
    }
    for _ in 0..20 {
        bench.run(0.77, 1);
        assert!((0.75..0.9).contains(&bench.overload.outlook(WorkerId(0))), "{}", bench.overload.outlook(WorkerId(0)));
    }
}

#[test]
fn room_is_kept_for_those_in_the_menu_until_they_enter_or_go() {
    let cost = LegCost { menu: 0.002, meeting: 0.006 };
    let mut bench = Bench::new();
    let mut promises: Vec<Promise> = (0..100).map(|_| bench.overload.comes(WorkerId(0), cost)).collect();
    bench.run(0.2, 60);
    assert!((bench.overload.outlook(WorkerId(0)) - 0.6).abs() < 0.01, "0.2 now, and 0.4 more when they enter");
    assert!(!bench.overload.is_brimful(WorkerId(0)) && bench.overload.spares(WorkerId(0)));
    // Ten enter here, and one on the other worker: there it is all new.
    for promise in promises.drain(..10) {
        bench.overload.enters(promise, cost, (WorkerId(0), WorkerId(0)));
    }
    bench.overload.enters(promises.remove(0), cost, (WorkerId(0), WorkerId(1)));
    assert!((bench.overload.outlook(WorkerId(0)) - 0.596).abs() < 0.01);
    assert!((bench.overload.outlook(WorkerId(1)) - 0.006).abs() < 0.0001);
    // The rest hang up.
    for promise in promises.drain(..) {
        bench.overload.forget(WorkerId(0), promise);
    }
    bench.run(0.2, 60);
    assert!((bench.overload.outlook(WorkerId(0)) - 0.2).abs() < 0.01);
    bench.run(0.0, 60);
    assert!(bench.overload.is_quiet());
}

#[test]
fn a_rush_of_dear_calls_is_stopped_while_there_is_room_for_all_who_were_let_in() {
    // Callers of Opus: three seconds in the menu, four with a stream of their own in the meeting, cheap from then on; more of them each time.
    let cost = LegCost { menu: 0.003, meeting: 0.006 };
    for a_second in [10, 40, 100, 400] {
        let mut bench = Bench::new();
        let mut inside: Vec<(u32, Option<Promise>)> = Vec::new();
        let (mut most, mut told) = (0.0f32, 0);
        for look in 0..200u32 {
            for promise in inside.iter_mut().filter(|(came, _)| look - came == 30).filter_map(|(_, promise)| promise.take()) {
                bench.overload.enters(promise, cost, (WorkerId(0), WorkerId(0)));
            }
            let real: f32 = inside
                .iter()
                .map(|(came, _)| match look - came {
                    0..30 => cost.menu,
                    30..70 => cost.meeting,
                    _ => 0.000_5,
                })
                .sum();
            most = most.max(real);
            bench.now += LOOK;
            let _ = bench.overload.measured(bench.now, WorkerId(0), real.min(1.0), LOOK, inside.len());
            for _ in 0..a_second / 10 {
                if bench.overload.admits(WorkerId(0)) {
                    inside.push((look, Some(bench.overload.comes(WorkerId(0), cost))));
                } else {
                    told += 1;
                }
            }
        }
        assert!((0.3..0.85).contains(&most), "{a_second} a second: {most}");
        assert_eq!(told > 0, a_second > 10, "{a_second} a second: {told} were sent away");
    }
}

#[test]
fn a_load_that_hangs_about_the_limit_does_not_open_and_close() {
    let mut bench = Bench::new();
    for turn in 0..200 {
        bench.run(if turn % 2 == 0 { 0.86 } else { 0.76 }, 5);
    }
    assert_eq!(bench.changes.len(), 1, "{:?}", bench.changes);
    // Nor does one that falls and rises with those who come and go.
    let mut bench = Bench::new();
    let mut calls = 0.5;
    for _ in 0..1_000 {
        calls += if bench.closed() { -0.01 } else { 0.02 };
        bench.run(calls, 1);
    }
    let shortest = bench.changes.windows(2).map(|pair| pair[1].0 - pair[0].0).min().unwrap();
    assert!(shortest >= 1_000 && bench.changes.len() < 70, "{:?}", bench.changes);
}

#[test]
fn a_short_stall_of_a_house_that_is_half_full_closes_nothing() {
    let mut bench = Bench::new();
    bench.run(0.5, 50);
    // A wake that is overdue counts while it is: 200 ms.
    bench.run(1.0, 2);
    bench.run(0.5, 50);
    assert_eq!(bench.changes, []);
    bench.run(1.0, 10);
    assert!(bench.closed(), "a whole second of it does");
    bench.run(0.5, 30);
    assert!(!bench.closed());
}

#[test]
fn a_worker_that_closed_a_moment_ago_stays_closed_for_two_seconds() {
    let mut bench = Bench::new();
    bench.run(1.0, 8);
    bench.run(0.0, 14);
    assert!(bench.closed() && bench.overload.load(WorkerId(0)) < CLEAR);
    bench.run(0.0, 8);
    assert!(!bench.closed());
}

#[test]
fn the_least_loaded_takes_the_next_call_and_among_equals_the_one_with_the_fewest_legs() {
    let mut bench = Bench::new();
    assert_eq!(bench.overload.lightest(&[3, 2]), WorkerId(1));
    assert_eq!(bench.overload.lightest(&[2, 2]), WorkerId(0));
    bench.run(0.4, 50);
    assert_eq!(bench.overload.lightest(&[1, 900]), WorkerId(1), "few legs of a dear codec are more than many of a cheap one");
    assert!(!bench.overload.is_quiet());
    bench.run(0.0, 50);
    assert!(bench.overload.is_quiet());
}

#[test]
fn nonsense_is_taken_for_a_full_load_and_unknown_workers_for_none() {
    let mut bench = Bench::new();
    bench.run(f32::NAN, 100);
    assert!(bench.closed());
    assert_eq!(bench.overload.measured(bench.now, WorkerId(9), 1.0, LOOK, 1), None);
    assert!(!bench.overload.admits(WorkerId(9)) && bench.overload.load(WorkerId(9)) == 0.0);
    bench.run(-5.0, 100);
    assert_eq!(bench.overload.load(WorkerId(0)).round(), 0.0);
}

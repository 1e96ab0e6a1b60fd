//! What the kept packets say: who got in, how late the sound came, whether microphones obeyed. After the run, on all cores.

use std::collections::HashMap;

use super::caller::{Mute, Part, Stage};
use super::correlate::Template;
use super::engine::{Marked, Run, is_measured};

use super::marker::{self, Code};
use super::repertoire::Repertoire;
use super::settings::{HEARS_SURELY, Settings};
use super::times::Of;
use super::track::Track;
use crate::codec::Codec;

const SECOND: u64 = 1_000_000_000;
const MS: u64 = 1_000_000;
/// A marker is waited for so long.
const LONGEST: u64 = SECOND;
/// Where the last one was found the next one is first looked for this far around.
const NEAR: i64 = 60 * MS as i64;
/// Markers of a talker that are looked for to tell whether somebody got in.
const TRIES: usize = 8;
/// Announcements to somebody who comes in are over after this; what talkers say under them may be too quiet to be found.
const ANNOUNCED: u64 = 3_500 * MS;
/// Fewer packets than this say nothing about it: half a second.
const FEW: usize = 25;
/// After the last key the bridge has this long to obey.
const OBEY: u64 = 800 * MS;

/// What came out.
#[derive(Clone, Debug, Default)]
pub struct Analysis {
    /// One-way delays, nanoseconds.
    pub delays: Vec<i64>,
    /// Markers found, of those sent to measured listeners.
    pub markers: Of,
    /// Callers who stay and got in.
    pub entered: Of,
    /// Passing callers who got in.
    pub passing_entered: Of,
    /// Microphones that went off and on again as they were told.
    pub mutes: Of,
}

/// What one listener heard of one talker: for each marker looked for its number in the log, and how late it came.
struct Heard {
    meeting: u32,
    talker: usize,
    measured: bool,
    /// When its first packet came.
    begun: u64,
    markers: Vec<(usize, Option<i64>)>,
}

/// Looks for markers in tracks.
struct Searcher<'a> {
    run: &'a Run,
    codec: Codec,
    talkers: usize,
    templates: &'a HashMap<(u8, u8), Template>,
}

/// How long a codec keeps sound by itself, encoder and decoder once, milliseconds; `None`: it could not be measured.
pub fn codec_delay_ms(repertoire: &Repertoire) -> Option<f64> {
    let (voice, codec) = (repertoire.voices.first()?, repertoire.codec);
    let step = codec.clock_hz() / 50;
    let packets = (0..voice.packets.len()).map(|at| (0, at as u32 * step, voice.packets.payload(at)));
    let track = Track::new(codec, packets);
    let mut all: Vec<f64> = Vec::new();
    for place in &voice.markers {
        let each = codec.rate_hz() as usize / 8_000;
        let at = usize::from(place.tick) * 160 * each + usize::from(place.sample) * each;
        let found = Template::new(place.code, codec.rate_hz()).find(&track, at.saturating_sub(80 * each), at + 160 * each);
        all.extend(found.map(|found| (found.at - at as f64) * 1e3 / f64::from(codec.rate_hz())));
    }
    all.sort_by(f64::total_cmp);
    all.get(all.len() / 2).copied()
}

/// Work it out.
pub fn analyse(settings: &Settings, run: &Run) -> Analysis {
    let mut templates = HashMap::new();
    for code in run.marked.iter().flatten().map(|marked| marked.code) {
        templates.entry(key(code)).or_insert_with(|| Template::new(code, settings.codec.rate_hz()));
    }
    let searcher = Searcher { run, codec: settings.codec, talkers: settings.talkers, templates: &templates };
    let calls = run.callers.len();
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let all = calls + run.passing_tapes.len();
    let mut results: Vec<(usize, Vec<Heard>)> = std::thread::scope(|scope| {
        let searcher = &searcher;
        // Each core takes every so-manieth tape: the long ones are spread.
        let work = |core: usize| move || (core..all).step_by(cores).map(|tape| (tape, searcher.tape(settings, tape))).collect::<Vec<_>>();
        let threads: Vec<_> = (0..cores).map(|core| scope.spawn(work(core))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap_or_default()).collect()
    });
    results.sort_by_key(|(tape, _)| *tape);
    let mut analysis = Analysis { mutes: mutes(run, &results), ..Analysis::default() };
    entries(run, &results, settings.passing >= HEARS_SURELY, &mut analysis);
    delays(run, &results, &mut analysis);
    analysis
}

fn key(code: Code) -> (u8, u8) {
    (code.voice, code.number)
}

impl Searcher<'_> {
    /// All talkers of a meeting that somebody heard, or should have.
    fn tape(&self, settings: &Settings, tape: usize) -> Vec<Heard> {
        let calls = self.run.callers.len();
        let caller = self.run.callers.get(tape);
        let passing = tape.checked_sub(calls).and_then(|n| self.run.passing_tapes.get(n));
        let Some(meeting) = caller.map(|caller| caller.meeting).or(passing.copied()) else { return Vec::new() };
        // Passing calls' tapes follow those of all who were to stay.
        let place = if caller.is_some() { tape } else { settings.calls + tape - calls };
        let Some(kept) = self.run.tapes.get(place) else { return Vec::new() };
        let track = Track::of_tape(self.codec, kept);
        let own = caller.and_then(|caller| if let Part::Talks(log) = caller.part { Some(log as usize) } else { None });
        let measured = caller.is_some() && is_measured(settings, tape);
        let first = meeting as usize * self.talkers;
        let logs = (first..first + self.talkers).filter(|log| Some(*log) != own);
        logs.filter_map(|log| Some((log, self.run.marked.get(log)?)))
            .map(|(log, marked)| {
                // Only who listens closely is asked about a microphone that is off.
                let mute = mute_of(self.run, log).filter(|_| !measured);
                let begun = track.pieces.first().map_or(0, |piece| piece.stamp);
                Heard { meeting, talker: log, measured, begun, markers: self.talker(&track, marked, measured, mute) }
            })
            .collect()
    }

    /// One talker's markers in one track: all of them, or as many as tell whether it is heard at all.
    fn talker(&self, track: &Track, marked: &[Marked], all: bool, but: Option<&Mute>) -> Vec<(usize, Option<i64>)> {
        let (Some(first), Some(last)) = (track.pieces.first(), track.pieces.last()) else { return Vec::new() };
        if track.pieces.len() < FEW {
            return Vec::new();
        }
        // A marker that could have come whole while the tape ran.
        let end = last.stamp.saturating_sub(if all { LONGEST } else { LONGEST / 5 });
        let mut heard: Vec<(usize, Option<i64>)> = Vec::new();
        let mut near = None;
        let heard_of = |one: &Marked| one.sent >= first.stamp && one.sent < end && !but.is_some_and(|mute| is_muting(mute, one.sent));
        for (number, one) in marked.iter().enumerate().filter(|(_, one)| heard_of(one)) {
            let delay = self.marker(track, one, near);
            near = delay.or(near);
            heard.push((number, delay));
            if !all && (delay.is_some() || heard.len() == TRIES) {
                break;
            }
        }
        heard
    }

    fn marker(&self, track: &Track, one: &Marked, near: Option<i64>) -> Option<i64> {
        let template = self.templates.get(&key(one.code))?;
        let left = one.sent as i64 + i64::from(one.sample) * (SECOND / 8_000) as i64;
        let look = |from: u64, to: u64| {
            let (from, to) = track.between(from, to)?;
            let found = template.find(track, from, to)?;
            Some(track.arrival(found.at)? - left)
        };
        let expected = near.and_then(|near| {
            let around = |more: i64| u64::try_from(left + near + more).unwrap_or(0);
            look(around(-NEAR).max(one.sent), around(NEAR))
        });
        expected.or_else(|| look(one.sent, one.sent + LONGEST + u64::from(marker::LENGTH_MS) * MS))
    }
}

fn entries(run: &Run, results: &[(usize, Vec<Heard>)], surely: bool, analysis: &mut Analysis) {
    let heard = |heard: &Heard| heard.markers.iter().any(|(_, delay)| delay.is_some());
    // Talkers somebody heard.
    let mut talkers = vec![false; run.marked.len()];
    for one in results.iter().flat_map(|(_, all)| all).filter(|one| heard(one)) {
        talkers[one.talker] = true;
    }
    for (tape, all) in results {
        let asked = all.iter().any(|one| !one.markers.is_empty());
        let hears = all.iter().any(heard);
        let Some(caller) = run.callers.get(*tape) else {
            // Where all listen long enough, those count who did so while a talker of theirs was talking.
            let clear = |one: &Heard| {
                let sent =
                    |number: &usize| run.marked.get(one.talker).and_then(|marked| marked.get(*number)).map_or(0, |marked| marked.sent);
                one.markers.iter().any(|(number, _)| sent(number) > one.begun + ANNOUNCED)
            };
            let asked = asked && (hears || !surely || all.iter().any(clear));
            let of = &mut analysis.passing_entered;
            of.of += u64::from(asked);
            of.yes += u64::from(hears);
            continue;
        };
        let talks = if let Part::Talks(log) = caller.part { talkers.get(log as usize).copied() } else { None };
        // Who keyed has claimed to be in; who never got so far is among the failures.
        let keyed = caller.inside > 0 && caller.stage == Stage::Gone;
        if keyed && (asked || talks.is_some()) {
            analysis.entered.of += 1;
            analysis.entered.yes += u64::from(hears || talks == Some(true));
        }
    }
}

/// The talker's own keys, and whatever follows from them.
fn is_muting(mute: &Mute, sent: u64) -> bool {
    mute.off_begun > 0 && sent + LONGEST > mute.off_begun && (mute.on == 0 || sent < mute.on + LONGEST)
}

fn mute_of(run: &Run, talker: usize) -> Option<&Mute> {
    let of = |part: Part| matches!(part, Part::Talks(log) if log as usize == talker);
    run.callers.iter().find(|caller| of(caller.part)).map(|caller| &caller.mute)
}

fn delays(run: &Run, results: &[(usize, Vec<Heard>)], analysis: &mut Analysis) {
    for one in results.iter().flat_map(|(_, all)| all).filter(|one| one.measured) {
        let (mute, marked) = (mute_of(run, one.talker), run.marked.get(one.talker));
        for (number, delay) in &one.markers {
            let sent = marked.and_then(|marked| marked.get(*number)).map_or(0, |marked| marked.sent);
            if mute.is_some_and(|mute| is_muting(mute, sent)) {
                continue;
            }
            analysis.markers.of += 1;
            analysis.markers.yes += u64::from(delay.is_some());
            analysis.delays.extend(delay);
        }
    }
}

/// Who pressed the keys, was heard by nobody who listens closely until he pressed them again, and was heard then.
fn mutes(run: &Run, results: &[(usize, Vec<Heard>)]) -> Of {
    let mut of = Of::default();
    for caller in run.callers.iter().filter(|caller| caller.mute.on > 0) {
        let Part::Talks(log) = caller.part else { continue };
        let (mute, marked) = (&caller.mute, run.marked.get(log as usize));
        let (mut while_off, mut looked_off, mut after, mut looked_after) = (0u64, 0u64, 0u64, 0u64);
        for one in results.iter().flat_map(|(_, all)| all) {
            if one.talker != log as usize || !one.measured || one.meeting != caller.meeting {
                continue;
            }
            for (number, delay) in &one.markers {
                let sent = marked.and_then(|marked| marked.get(*number)).map_or(0, |marked| marked.sent);
                if sent > mute.off + OBEY && sent + OBEY < mute.on_begun {
                    looked_off += 1;
                    while_off += u64::from(delay.is_some());
                } else if sent > mute.on + OBEY {
                    looked_after += 1;
                    after += u64::from(delay.is_some());
                }
            }
        }
        if looked_off > 0 && looked_after > 0 {
            of.of += 1;
            of.yes += u64::from(while_off == 0 && after > 0);
        }
    }
    of
}

#[cfg(test)]
mod tests;

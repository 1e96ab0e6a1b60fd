//! Session timers (RFC 4028): a call whose peer has vanished without BYE ends, and a peer that watches us knows we are here.

use std::time::{Duration, Instant};

use sipx_sip::session::{self, MinSe, Refresher, SessionExpires};
use sipx_sip::{CSeq, HeaderName, Headers, Method, Request, Response};

use super::super::{EndReason, SipKey};
use super::check::supports_timer;
use super::dialog::{Phase, SessionTimer};
use super::{Agent, Alarm, Purpose};

/// A refresh that was refused for a passing reason is tried again after this.
const TRY_AGAIN: Duration = Duration::from_secs(10);
/// Longest interval agreed to. A day is longer than any meeting; and the header holds numbers no clock can be set to.
const LONGEST: Duration = Duration::from_secs(24 * 3600);

fn asked(headers: &Headers) -> Option<SessionExpires> {
    let asked = headers.typed::<SessionExpires>()?.ok()?;
    Some(SessionExpires { interval: asked.interval.min(LONGEST), ..asked })
}

fn min_se(headers: &Headers) -> Option<Duration> {
    headers.typed::<MinSe>()?.ok().map(|min| min.0.min(LONGEST))
}

impl Agent {
    fn negotiate(&self, request: &Request) -> session::Answer {
        let supports = supports_timer(request);
        let answer = session::answer(supports, asked(&request.headers), min_se(&request.headers), self.settings.min_se);
        match answer {
            _ if supports => answer,
            // A proxy has asked, not the peer (RFC 4028 §8.1): 422 would mean nothing to it, and only we can refresh (§9, table 2).
            session::Answer::Accept(accepted) => {
                session::Answer::Accept(session::Accepted { refresher: Refresher::Uas, require: false, ..accepted })
            }
            _ => session::Answer::None,
        }
    }

    /// Whether the interval a request asks for is long enough (RFC 4028 §9); else the shortest that is.
    pub(super) fn session_offer(&self, request: &Request) -> Result<(), Duration> {
        match self.negotiate(request) {
            session::Answer::TooBrief(floor) => Err(floor),
            _ => Ok(()),
        }
    }

    /// What a 200 says about it, and the timer from now on.
    pub(super) fn session_answer(&mut self, now: Instant, key: SipKey, request: &Request) -> Vec<(HeaderName, String)> {
        let agreed = self.negotiate(request);
        let Some(dialog) = self.dialogs.get_mut(&key) else { return Vec::new() };
        let session::Answer::Accept(mut accepted) = agreed else {
            dialog.timer = None;
            self.schedule.clear(&Alarm::Session(key));
            return Vec::new();
        };
        if asked(&request.headers).is_none() {
            // We ask for it ourselves, so the interval is ours to choose, not below what the peer can bear (RFC 4028 §9).
            let peer_min = min_se(&request.headers).unwrap_or_default();
            accepted.interval = self.settings.session_interval.max(peer_min).max(self.settings.min_se);
        }
        let we_refresh = accepted.refresher == Refresher::Uas;
        dialog.timer = Some(SessionTimer { interval: accepted.interval, we_refresh, expires: now + accepted.interval });
        self.set_session_alarm(now, key);
        let expires = SessionExpires { interval: accepted.interval, refresher: Some(accepted.refresher) };
        let mut headers = vec![(HeaderName::SessionExpires, expires.to_string())];
        if accepted.require {
            headers.push((HeaderName::Require, "timer".to_owned()));
        }
        headers
    }

    fn set_session_alarm(&mut self, now: Instant, key: SipKey) {
        let Some(timer) = self.dialogs.get(&key).and_then(|dialog| dialog.timer) else { return };
        // RFC 4028 §10: refresh at half the interval; else BYE somewhat before the end.
        let session = session::Session { interval: timer.interval, we_refresh: timer.we_refresh };
        self.schedule.set(Alarm::Session(key), now + session.act_after());
    }

    pub(super) fn session_timer(&mut self, now: Instant, key: SipKey) {
        let Some(dialog) = self.dialogs.get(&key) else { return };
        let Some(timer) = dialog.timer else { return };
        if !matches!(dialog.phase, Phase::Confirmed) {
            return;
        }
        if !timer.we_refresh || now + Duration::from_secs(1) >= timer.expires {
            return self.say_bye(now, key, EndReason::SessionExpired);
        }
        if dialog.refreshing.is_some() || dialog.pending.is_some() || dialog.unacked.is_some() {
            // Something else is going on; it is a sign of life too.
            return self.schedule.set(Alarm::Session(key), now + TRY_AGAIN);
        }
        self.refresh(now, key, timer.interval);
    }

    fn refresh(&mut self, now: Instant, key: SipKey, interval: Duration) {
        let Some(flow) = self.way(key) else {
            return self.remove(key, EndReason::Transport);
        };
        let branch = self.word();
        let product = self.settings.product.clone();
        let min_se = self.settings.min_se.as_secs();
        let Some(dialog) = self.dialogs.get_mut(&key) else { return };
        dialog.flow = flow;
        let (method, purpose, sdp) = if dialog.takes_update {
            (Method::Update, Purpose::Update, None)
        } else {
            // The same SDP with the same version: nothing changes (RFC 3264 §8).
            (Method::Invite, Purpose::Invite, Some(dialog.last_sdp.clone()))
        };
        let expires = SessionExpires { interval, refresher: Some(Refresher::Uac) };
        let headers = [(HeaderName::SessionExpires, expires.to_string()), (HeaderName::MinSe, min_se.to_string())];
        if let Some(request) = dialog.request(method, &branch, &product, &headers, sdp) {
            let sent = self.send_request(now, flow, key, purpose, request);
            if let Some(dialog) = self.dialogs.get_mut(&key) {
                dialog.refreshing = sent;
            }
        }
        // Should it never be answered, the session must still run out.
        self.schedule.set(Alarm::Session(key), now + TRY_AGAIN);
    }

    /// The answer to a refresh.
    pub(super) fn refreshed(&mut self, now: Instant, key: SipKey, purpose: Purpose, response: &Response) {
        let status = response.status.code();
        if purpose == Purpose::Invite && (200..300).contains(&status) {
            self.acknowledge(key, response);
        }
        let Some(dialog) = self.dialogs.get_mut(&key) else { return };
        // A repeated 200 is acknowledged again and means nothing new.
        if dialog.refreshing.take().is_none() || matches!(dialog.phase, Phase::Ending) {
            return;
        }
        let Some(timer) = &mut dialog.timer else { return };
        match status {
            200..300 => {
                let asked = timer.interval;
                if let Some(next) = session::adopt(self::asked(&response.headers), Some(asked)) {
                    *timer = SessionTimer { interval: next.interval, we_refresh: next.we_refresh, expires: now + next.interval };
                }
                dialog.refresh_target_by(response);
                self.set_session_alarm(now, key);
            }
            // RFC 4028 §7.4: longer, then.
            422 => {
                let min = min_se(&response.headers).unwrap_or((timer.interval * 2).min(LONGEST));
                if min <= timer.interval {
                    // It would refuse the same again.
                    return self.schedule.set(Alarm::Session(key), now + TRY_AGAIN);
                }
                timer.interval = min;
                self.refresh(now, key, min);
            }
            // RFC 3261 §12.2.1.2: the peer knows nothing of this dialog.
            408 | 481 => self.say_bye(now, key, EndReason::PeerGone),
            405 | 501 if purpose == Purpose::Update => {
                dialog.takes_update = false;
                let interval = timer.interval;
                self.refresh(now, key, interval);
            }
            // Anything else passes; before the session runs out it is tried again.
            _ => self.schedule.set(Alarm::Session(key), now + TRY_AGAIN),
        }
    }

    /// ACK to the 200 of our re-INVITE (RFC 3261 §13.2.2.4): not retransmitted by us, sent again with each 200.
    fn acknowledge(&mut self, key: SipKey, response: &Response) {
        let Some(Ok(sequence)) = response.headers.typed::<CSeq>().map(|cseq| cseq.map(|cseq| cseq.sequence)) else { return };
        let branch = self.word();
        let product = self.settings.product.clone();
        let Some(flow) = self.way(key) else { return };
        let Some(dialog) = self.dialogs.get_mut(&key) else { return };
        dialog.refresh_target_by(response);
        if let Some(ack) = dialog.ack(sequence, &branch, &product) {
            let bytes = sipx_sip::Message::Request(ack).to_bytes();
            self.transmits.push_back(super::Transmit { flow, bytes });
        }
    }
}

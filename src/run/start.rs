//! Takes from the machine what a bridge needs, names every fault at once, and runs it.
#![allow(clippy::disallowed_methods, reason = "the start of clocks, threads and randomness")]

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use arrayvec::ArrayVec;
use rand::Rng;
use thiserror::Error;
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tracing::{error, info, warn};

use super::board::Board;
use super::control_task::{ControlTask, Ended, Sources};
use super::counters::Counters;
use super::machine::{self, Machine, TooFewDescriptors};
use super::meetings::{self, KeptError};
use super::ports::PortPool;
use super::signals::Signals;
use super::transport::{Gate, INBOUND_QUEUE, Outbound, tcp, udp};
use super::worker::{self, WorkerSetup};
use super::{Settings, link, price, prompts};
use crate::bridge::command::MeetingSettings;
use crate::bridge::{ControlPlane, ControlSettings, LegCost, LegCosts};
use crate::codec::Codec;
use crate::media::PromptId;
use crate::media::prompt::{self, Loaded};
use crate::names::WorkerId;
use crate::sip::{AgentSettings, Transport};

/// RFC 4028 §4.2: the recommended interval.
const SESSION_INTERVAL: Duration = Duration::from_secs(1800);
/// RFC 4028 §5: not below this.
const MIN_SE: Duration = Duration::from_secs(90);
/// Transactions a call may have open at once: its INVITE, a re-INVITE or UPDATE, keys by INFO (each is kept 32 s for retransmissions, RFC 3261
/// §17.2.2; a samtals-ID and a few commands fall into that), a BYE.
const TRANSACTIONS_PER_CALL: usize = 16;
/// Transactions outside calls: OPTIONS from trunks, what is refused.
const OTHER_TRANSACTIONS: usize = 1024;
/// For what was written last (the 200 to a last BYE) to leave on connections.
const LINGER: Duration = Duration::from_millis(50);

/// One reason not to start.
#[derive(Debug, Error)]
pub enum StartError {
    /// An address of [`Settings::listen`] cannot be bound.
    #[error("listening address {index}: {error}")]
    Listen {
        /// Which, from 0.
        index: usize,
        /// Why.
        error: io::Error,
    },
    /// The kept meeting.
    #[error(transparent)]
    Kept(#[from] KeptError),
    /// The operator's prompts.
    #[error("{} faults in the prompts", .0.len())]
    Prompts(Vec<prompt::Fault>),
    /// Too many calls for this process.
    #[error(transparent)]
    TooFewDescriptors(#[from] TooFewDescriptors),
    /// The system refuses something else.
    #[error("the system gives no {what}: {error}")]
    System {
        /// What was asked for.
        what: &'static str,
        /// Why not.
        error: io::Error,
    },
}

fn system<E: Into<io::Error>>(what: &'static str) -> impl Fn(E) -> StartError {
    move |error| StartError::System { what, error: error.into() }
}

/// A bridge that has all it needs.
#[derive(Debug)]
pub struct Bridge {
    runtime: Runtime,
    task: ControlTask,
    sources: Sources,
    workers: Vec<JoinHandle<()>>,
    listening: Vec<(Transport, SocketAddr)>,
    meetings: Vec<MeetingSettings>,
    calls: usize,
    codecs: ArrayVec<Codec, 4>,
    costs: LegCosts,
    board: Arc<Board>,
}

/// Sockets, bound before anything else is done.
#[derive(Debug, Default)]
struct Bound {
    udp: Vec<std::net::UdpSocket>,
    tcp: Vec<std::net::TcpListener>,
    listening: Vec<(Transport, SocketAddr)>,
}

impl Bridge {
    /// Bind, read, spawn. Errors: every reason there is; then nothing goes on running.
    pub fn start(settings: Settings) -> Result<Self, Vec<StartError>> {
        let mut faults = Vec::new();
        let bound = bind(&settings, &mut faults);
        let meetings = if settings.meetings.is_empty() {
            // A first start that fails for another reason draws all the same: the ID is kept, and the next start has it.
            meetings::kept_or_drawn(&settings.data, || rand::rng().random_range(0..1_000_000_000)).unwrap_or_else(|error| {
                faults.push(error.into());
                Vec::new()
            })
        } else {
            settings.meetings.clone()
        };
        let loaded = prompts::load(settings.prompts_folder.as_deref()).map_err(|found| faults.push(StartError::Prompts(found))).ok();
        let workers = settings.workers.map_or_else(machine::cores, usize::from).clamp(1, usize::from(u16::MAX));
        let pool = PortPool::new(settings.ports.clone(), settings.media_address);
        let machine = Machine { descriptors: machine::raise_descriptors(), connections: tcp::CONNECTIONS, pairs: pool.pairs(), workers };
        let room = machine.room(settings.max_calls).map_err(|error| faults.push(error.into())).ok();
        match (loaded, room) {
            (Some(loaded), Some(room)) if faults.is_empty() => {
                Parts { settings, bound, meetings, loaded, workers, pool, room }.assemble().map_err(|fault| vec![fault])
            }
            _ => Err(faults),
        }
    }

    /// Addresses listened on, as the system gave them.
    pub fn listening(&self) -> &[(Transport, SocketAddr)] {
        &self.listening
    }

    /// Meetings that can be entered.
    pub fn meetings(&self) -> &[MeetingSettings] {
        &self.meetings
    }

    /// Most calls at once.
    pub fn calls(&self) -> usize {
        self.calls
    }

    /// Where it shows what it does.
    pub fn board(&self) -> Arc<Board> {
        self.board.clone()
    }

    /// Be the bridge until a signal ends it.
    pub fn run(self) -> Ended {
        if let Err(error) = machine::lock_memory() {
            warn!(%error, "memory is not locked: pages that were given away may make sound late; LimitMEMLOCK=infinity in systemd, or CAP_IPC_LOCK and no limit");
        }
        for (codec, LegCost { menu, meeting }) in self.codecs.iter().map(|codec| (codec, self.costs.of(*codec))) {
            info!(codec = codec.name(), menu, meeting, "what a leg costs, of a worker's time");
        }
        info!(calls = self.calls, workers = self.workers.len(), "ready");
        let ended = self.runtime.block_on(async {
            let ended = self.task.run(self.sources).await;
            tokio::time::sleep(LINGER).await;
            ended
        });
        for thread in self.workers {
            // A worker that died has said so with its panic; a live one ends at its next wake.
            let _ = thread.join();
        }
        self.runtime.shutdown_background();
        ended.unwrap_or_else(|error| {
            error!(%error, "the event loop failed");
            Ended::Broken
        })
    }
}

/// All that a start has found to be in order.
struct Parts {
    settings: Settings,
    bound: Bound,
    meetings: Vec<MeetingSettings>,
    loaded: Loaded,
    workers: usize,
    pool: PortPool,
    room: machine::Room,
}

impl Parts {
    fn assemble(self) -> Result<Bridge, StartError> {
        let Self { settings, bound, meetings, loaded, workers, pool, room } = self;
        let counters = Arc::new(Counters::default());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(system("event loop"))?;
        let inside = runtime.enter();
        // From here on a signal is a wish, so that nothing is left half done.
        let signals = Signals::listen().map_err(system("signal handler"))?;

        let prompts = loaded.set.clone();
        let (changed, fresh) = mpsc::channel(1);
        let watcher = match &settings.prompts_folder {
            None => None,
            Some(folder) => {
                prompts::tell(folder, &loaded);
                // On the watcher's own thread; the control task is gone only when the bridge ends.
                let hand_over = move |set| drop(changed.blocking_send(set));
                Some(prompts::watch(folder, loaded, hand_over).map_err(system("thread"))?)
            }
        };

        let board = Board::new(workers, counters.clone());
        let told = link::told().map_err(system("event descriptor"))?;
        let epoch = Instant::now();
        let (mut links, mut threads) = (Vec::new(), Vec::new());
        for id in (0..workers).filter_map(|id| u16::try_from(id).ok().map(WorkerId)) {
            let (control, end) = link::link(told.clone(), counters.clone()).map_err(system("event descriptor"))?;
            // Every worker has room for all legs: a meeting of everybody lives on one.
            let (mix, prompts, counters, board) = (settings.mix, prompts.clone(), counters.clone(), board.clone());
            let setup = WorkerSetup { id, capacity: room.legs, epoch, mix, prompts, link: end, counters, board };
            threads.push(worker::start(setup).map_err(system("thread"))?);
            links.push(control);
        }

        let (to_control, inbound) = mpsc::channel(INBOUND_QUEUE);
        let gate = Arc::new(Gate::new(settings.trunks, counters.clone()));
        let mut listeners = Vec::new();
        for (id, socket) in (0..).zip(bound.udp) {
            let listener = Arc::new(udp::Listener::new(socket).map_err(system("event for a socket"))?);
            listeners.push(listener.clone());
            tokio::spawn(udp::listen(listener, id, gate.clone(), to_control.clone()));
        }
        let census = tcp::Census::new(counters.clone());
        for socket in bound.tcp {
            let listener = tokio::net::TcpListener::from_std(socket).map_err(system("event for a socket"))?;
            tokio::spawn(tcp::listen(listener, gate.clone(), census.clone(), to_control.clone()));
        }
        drop(inside);

        let costs = price::measure(&settings.codecs, &settings.opus, &prompts.get(PromptId::Valkommen).samples).unwrap_or_else(|error| {
            // Each call will be told so itself.
            warn!(%error, "what a leg costs could not be measured");
            LegCosts::default()
        });
        let control = ControlSettings {
            agent: AgentSettings {
                product: concat!("ljudbro/", env!("CARGO_PKG_VERSION")).to_owned(),
                session_interval: SESSION_INTERVAL,
                min_se: MIN_SE,
                max_sessions: room.legs,
                max_transactions: room.legs * TRANSACTIONS_PER_CALL + OTHER_TRANSACTIONS,
            },
            numbers: settings.numbers,
            domain: settings.domain,
            max_calls: room.calls,
            when_full: settings.when_full,
            longest: settings.longest,
            workers: u16::try_from(workers).unwrap_or(u16::MAX),
            codecs: settings.codecs.clone(),
            opus: settings.opus,
            costs,
            meetings: meetings.clone(),
        };
        let plane = ControlPlane::new(control, rand::rng().random());
        let outbound = Outbound::new(listeners, counters.clone());
        Ok(Bridge {
            runtime,
            task: ControlTask::new(plane, outbound, pool, links, &prompts, counters, board.clone()),
            sources: Sources { inbound, told, prompts: fresh, watcher, signals },
            workers: threads,
            listening: bound.listening,
            meetings,
            calls: room.calls,
            codecs: settings.codecs,
            costs,
            board,
        })
    }
}

fn bind(settings: &Settings, faults: &mut Vec<StartError>) -> Bound {
    let mut bound = Bound::default();
    for (index, listen) in settings.listen.iter().enumerate() {
        let outcome = match listen.transport {
            Transport::Udp => udp::bind(listen.address).and_then(|socket| {
                bound.listening.push((Transport::Udp, socket.local_addr()?));
                bound.udp.push(socket);
                Ok(())
            }),
            Transport::Tcp => tcp::bind(listen.address).and_then(|socket| {
                bound.listening.push((Transport::Tcp, socket.local_addr()?));
                bound.tcp.push(socket);
                Ok(())
            }),
        };
        match outcome {
            Ok(()) => {}
            Err(error) if listen.optional && lacks_family(&error) => {}
            Err(error) => faults.push(StartError::Listen { index, error }),
        }
    }
    bound
}

/// No IPv6 in this kernel, or none switched on.
fn lacks_family(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::EAFNOSUPPORT | libc::EADDRNOTAVAIL))
}

/// Try to bind, and let go again: for faults found before a bridge can start.
pub fn try_listen(transport: Transport, address: SocketAddr, optional: bool) -> io::Result<()> {
    let outcome = match transport {
        Transport::Udp => udp::bind(address).map(drop),
        Transport::Tcp => tcp::bind(address).map(drop),
    };
    outcome.or_else(|error| if optional && lacks_family(&error) { Ok(()) } else { Err(error) })
}

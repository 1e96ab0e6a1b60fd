//! HTTP for those who run the bridge: `/metrics` for Prometheus, `/healthz` and `/readyz` for whoever starts it and sends it calls.
//!
//! It runs on a thread of its own and only reads what the bridge shows ([`Board`]): no question, and no flood of them, reaches calls or sound.
//! It knows no secrets, and neither passwords nor encryption: by default it listens on loopback, and whoever opens it opens it to all who
//! reach the address.
//!
//! - `mod.rs`: connections and their limits.
//! - `pages.rs`: paths and answers.
//! - `metrics.rs`: what `/metrics` says; `text.rs`: how it is written.

mod metrics;
mod pages;
mod text;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

use crate::run::board::Board;

/// Connections at once: two Prometheus servers, some probes, somebody with a browser. Whoever is beyond waits in the kernel.
const CONNECTIONS: usize = 16;
/// Connections that wait there.
const BACKLOG: i32 = 64;
/// Octets of a request's head: Prometheus sends about 500. The smallest that hyper takes.
const HEAD: usize = 8192;
/// Header lines of a request: Prometheus sends six, a browser fifteen.
const HEADERS: usize = 64;
/// From the connection to the end of the request's head.
const HEAD_WITHIN: Duration = Duration::from_secs(5);
/// From the connection to the last octet of the answer: whoever is slower keeps a place that others want.
const WHOLE: Duration = Duration::from_secs(10);
/// After a failed accept (no descriptors left), so that it does not take the core.
const PAUSE: Duration = Duration::from_millis(100);

/// A bound address.
#[derive(Debug)]
pub struct Listener {
    socket: std::net::TcpListener,
    address: SocketAddr,
}

/// Bind, and answer nobody yet.
pub fn bind(address: SocketAddr) -> io::Result<Listener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_nonblocking(true)?;
    // Connections of the run before may linger in TIME_WAIT; a second live listener is refused all the same.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    let socket: std::net::TcpListener = socket.into();
    Ok(Listener { address: socket.local_addr()?, socket })
}

impl Listener {
    /// Where, as the system gave it.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answer from now on, until the server is dropped.
    pub fn serve(self, board: Arc<Board>) -> io::Result<Server> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let listener = {
            let _inside = runtime.enter();
            TcpListener::from_std(self.socket)?
        };
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("http".to_owned()).spawn(move || {
            runtime.block_on(async {
                tokio::select! {
                    // Dropped is as good as said.
                    _ = stopped => {}
                    () = accept(listener, pages::router(board)) => {}
                }
            });
            runtime.shutdown_background();
        })?;
        Ok(Server { stop: Some(stop), thread: Some(thread) })
    }
}

/// Answers until it is dropped.
#[derive(Debug)]
pub struct Server {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            // It has said so itself if it died.
            let _ = thread.join();
        }
    }
}

async fn accept(listener: TcpListener, router: axum::Router) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        // Never closed.
        let Ok(place) = places.clone().acquire_owned().await else { return };
        match listener.accept().await {
            Ok((stream, _)) => {
                let router = router.clone();
                tokio::spawn(async move {
                    // What goes wrong on a connection is the other side's to notice.
                    let _ = timeout(WHOLE, answer(stream, router)).await;
                    drop(place);
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept an HTTP connection");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

/// One request, one answer.
async fn answer(stream: TcpStream, router: axum::Router) -> hyper::Result<()> {
    http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_WITHIN)
        .max_buf_size(HEAD)
        .max_headers(HEADERS)
        .keep_alive(false)
        .serve_connection(TokioIo::new(stream), TowerToHyperService::new(router))
        .await
}

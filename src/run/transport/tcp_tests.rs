use std::net::Ipv4Addr;

use super::*;
use crate::run::transport::{INBOUND_QUEUE, Outbound, udp};
use crate::sip::{Transmit, Trunks};

const OPTIONS: &[u8] = b"OPTIONS sip:bro@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bKa\r\nMax-Forwards: 70\r\n\
    From: <sip:a@127.0.0.1>;tag=a\r\nTo: <sip:bro@127.0.0.1>\r\nCall-ID: a\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n";

struct Hall {
    address: SocketAddr,
    inbound: mpsc::Receiver<Inbound>,
    outbound: Outbound,
    census: Arc<Census>,
    counters: Arc<Counters>,
}

/// A listener for these callers, and the control task's ends.
fn hall(trunks: &str) -> Hall {
    let counters = Arc::new(Counters::default());
    let socket = bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
    let address = socket.local_addr().unwrap();
    let (to_control, inbound) = mpsc::channel(INBOUND_QUEUE);
    let gate = Arc::new(Gate::new(Trunks::new(vec![trunks.parse().unwrap()]), counters.clone()));
    let census = Census::new(counters.clone());
    tokio::spawn(listen(TcpListener::from_std(socket).unwrap(), gate, census.clone(), to_control));
    Hall { address, inbound, outbound: Outbound::new(Vec::new(), counters.clone()), census, counters }
}

impl Hall {
    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// The next message; who opened and closed is noted on the way.
    async fn message(&mut self) -> Flow {
        loop {
            match self.inbound.recv().await.unwrap() {
                Inbound::Opened(flow, writer) => self.outbound.opened(flow, writer),
                Inbound::Message(flow, _) => return flow,
                Inbound::Closed(flow) => {
                    self.outbound.closed(flow);
                }
                Inbound::Datagram(..) => panic!("a datagram from a connection"),
            }
        }
    }

    async fn closed(&mut self) -> Flow {
        loop {
            match self.inbound.recv().await.unwrap() {
                Inbound::Opened(flow, writer) => self.outbound.opened(flow, writer),
                Inbound::Closed(flow) => return flow,
                _ => panic!("a message where none was sent"),
            }
        }
    }
}

#[tokio::test]
async fn a_message_comes_in_whole_and_its_answer_goes_out_on_the_same_connection() {
    let mut hall = hall("127.0.0.0/8");
    let mut caller = hall.connect().await;
    let (head, tail) = OPTIONS.split_at(50);
    caller.write_all(head).await.unwrap();
    caller.flush().await.unwrap();
    caller.write_all(tail).await.unwrap();
    let flow = hall.message().await;
    assert_eq!((flow.local, flow.peer), (hall.address, caller.local_addr().unwrap()));
    hall.outbound.send(Transmit { flow, bytes: Bytes::from_static(b"answer") }).unwrap();
    let mut answer = [0; 6];
    caller.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"answer");
}

#[tokio::test]
async fn a_ping_is_answered_without_troubling_anybody() {
    let hall = hall("127.0.0.0/8");
    let mut caller = hall.connect().await;
    caller.write_all(b"\r\n\r\n").await.unwrap();
    let mut answer = [0; 2];
    caller.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"\r\n");
}

#[tokio::test]
async fn a_peer_that_never_reads_is_given_up_and_stalls_nobody_else() {
    let mut hall = hall("127.0.0.0/8");
    let mut deaf = hall.connect().await;
    deaf.write_all(OPTIONS).await.unwrap();
    let to_deaf = hall.message().await;
    let mut other = hall.connect().await;
    other.write_all(OPTIONS).await.unwrap();
    let to_other = hall.message().await;
    // The kernel takes some megabytes before it is full.
    let long = Bytes::from(vec![b'x'; 256 * 1024]);
    let mut sent = 0;
    while hall.outbound.send(Transmit { flow: to_deaf, bytes: long.clone() }).is_ok() {
        sent += 1;
        assert!(sent < 1000, "a queue without a limit");
        tokio::task::yield_now().await;
    }
    assert_eq!(hall.counters.connections_stuck.get(), 1);
    assert_eq!(hall.outbound.send(Transmit { flow: to_deaf, bytes: long }).unwrap_err(), to_deaf, "gone is gone");
    hall.outbound.send(Transmit { flow: to_other, bytes: Bytes::from_static(b"answer") }).unwrap();
    let mut answer = [0; 6];
    other.read_exact(&mut answer).await.unwrap();
    assert_eq!(&answer, b"answer");
}

#[tokio::test(start_paused = true)]
async fn half_a_message_does_not_hold_a_connection() {
    let mut hall = hall("127.0.0.0/8");
    let mut caller = hall.connect().await;
    caller.write_all(&OPTIONS[..60]).await.unwrap();
    hall.closed().await;
    assert_eq!(hall.counters.connections_given_up.get(), 1);
    assert_eq!(caller.read(&mut [0; 8]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn what_is_not_sip_ends_the_connection() {
    let mut hall = hall("127.0.0.0/8");
    let mut caller = hall.connect().await;
    caller.write_all(b"GET / HTTP/1.1\r\nHost: bro\r\n\r\n").await.unwrap();
    hall.closed().await;
    assert_eq!(hall.counters.connections_given_up.get(), 1);
}

#[tokio::test]
async fn one_address_cannot_take_all_connections() {
    let mut hall = hall("127.0.0.0/8");
    let mut callers = Vec::new();
    for _ in 0..CONNECTIONS_PER_PEER {
        let mut caller = hall.connect().await;
        caller.write_all(OPTIONS).await.unwrap();
        hall.message().await;
        callers.push(caller);
    }
    let mut beyond = hall.connect().await;
    assert_eq!(beyond.read(&mut [0; 8]).await.unwrap_or(0), 0, "closed at once");
    assert_eq!(hall.counters.connections_too_many.get(), 1);
    callers.pop();
    let gone = hall.closed().await;
    assert!(hall.outbound.closed(gone));
    while hall.census.peers.lock().unwrap().values().sum::<usize>() == CONNECTIONS_PER_PEER {
        tokio::task::yield_now().await;
    }
    let mut next = hall.connect().await;
    next.write_all(OPTIONS).await.unwrap();
    hall.message().await;
}

#[tokio::test]
async fn who_may_not_call_gets_no_answer_and_is_counted() {
    let hall = hall("192.0.2.0/24");
    let mut caller = hall.connect().await;
    assert_eq!(caller.read(&mut [0; 8]).await.unwrap_or(0), 0);
    assert_eq!(hall.counters.refused_connections.get(), 1);

    let counters = Arc::new(Counters::default());
    let listener = Arc::new(udp::Listener::new(udp::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap()).unwrap());
    let address = listener.local();
    let (to_control, mut inbound) = mpsc::channel(4);
    let gate = |trunks: &str| Arc::new(Gate::new(Trunks::new(vec![trunks.parse().unwrap()]), counters.clone()));
    let stranger = tokio::net::UdpSocket::bind("127.0.0.2:0").await.unwrap();
    let caller = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    tokio::spawn(udp::listen(listener.clone(), 0, gate("127.0.0.1/32"), to_control));
    stranger.send_to(OPTIONS, address).await.unwrap();
    caller.send_to(OPTIONS, address).await.unwrap();
    let Inbound::Datagram(flow, octets) = inbound.recv().await.unwrap() else { panic!("not a datagram") };
    assert_eq!((flow.peer, flow.local), (caller.local_addr().unwrap(), address));
    assert_eq!(octets, OPTIONS);
    assert_eq!(counters.refused_datagrams.get(), 1);
    listener.send(flow, b"answer").unwrap();
    let mut answer = [0; 6];
    assert_eq!(caller.recv_from(&mut answer).await.unwrap(), (6, address));
}

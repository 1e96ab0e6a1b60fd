//! The bridge under load: a process of its own in a folder of its own.

use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// A running `ljudbro serve`; ended when dropped.
pub struct Bridge {
    pub address: SocketAddr,
    child: Child,
    folder: PathBuf,
}

impl Bridge {
    /// With so many meetings.
    pub fn start(meetings: u32) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").and_then(|l| l.local_addr()).expect("loopback has a free port").port();
        let folder = std::env::temp_dir().join(format!("ljudbro-load-{}-{port}", std::process::id()));
        fs::create_dir_all(&folder).expect("the temporary folder can be written");
        let mut config = format!(
            "[sip]\nlisten = [\"udp:127.0.0.1:{port}\", \"tcp:127.0.0.1:{port}\"]\n[http]\nlisten = \"\"\n[log]\nlevel = \"warn\"\n"
        );
        for meeting in 0..meetings {
            config.push_str(&format!("[[meeting]]\nname = \"last{meeting}\"\nid = \"{}\"\n", id(meeting)));
        }
        let file = folder.join("ljudbro.toml");
        fs::write(&file, config).expect("the temporary folder can be written");
        let child = Command::new(env!("CARGO_BIN_EXE_ljudbro"))
            .args(["serve".as_ref(), "--config".as_ref(), file.as_os_str()])
            .current_dir(&folder)
            .stdout(Stdio::null())
            .spawn()
            .expect("the bridge was built");
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        let end = Instant::now() + Duration::from_secs(10);
        while TcpStream::connect(address).is_err() {
            assert!(Instant::now() < end, "the bridge does not listen");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { address, child, folder }
    }

    pub fn meeting_address(&self, meeting: u32) -> String {
        format!("sip:last{meeting}@127.0.0.1")
    }

    pub fn id(&self, meeting: u32) -> String {
        id(meeting)
    }

    /// Processor time used so far, seconds (proc(5): utime and stime, in clock ticks).
    pub fn cpu(&self) -> f64 {
        let stat = fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap_or_default();
        // The name in parentheses may hold spaces.
        let after = stat.rsplit(')').next().unwrap_or_default();
        let fields: Vec<f64> = after.split_whitespace().skip(11).take(2).filter_map(|field| field.parse().ok()).collect();
        // USER_HZ is 100 wherever Linux runs.
        fields.iter().sum::<f64>() / 100.0
    }

    /// Resident memory, megabytes.
    pub fn resident(&self) -> f64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap_or_default();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
        line.split_whitespace().next().and_then(|kilobytes| kilobytes.parse::<f64>().ok()).unwrap_or(f64::NAN) / 1024.0
    }
}

fn id(meeting: u32) -> String {
    format!("{}", 500_000_000 + 7_919 * meeting)
}

impl Drop for Bridge {
    fn drop(&mut self) {
        if let Ok(pid) = i32::try_from(self.child.id()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGTERM);
        }
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}

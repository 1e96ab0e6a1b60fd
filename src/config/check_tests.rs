use super::*;
use crate::config::raw;

fn load(text: &str, environment: &[(&str, &str)]) -> Result<Config, Faults> {
    let mut faults = Vec::new();
    let mut raw = raw::read_text("bro.toml".into(), text, &mut faults);
    let environment = environment.iter().map(|&(name, value)| (name.to_owned(), value.to_owned()));
    raw::read_environment(environment, &mut raw, &mut faults);
    check(raw, faults)
}

fn lines(result: Result<Config, Faults>) -> Vec<String> {
    match result {
        Ok(_) => Vec::new(),
        Err(faults) => faults.to_string().lines().map(str::to_owned).collect(),
    }
}

#[test]
fn without_a_file_everything_has_its_default() {
    let config = load("", &[]).unwrap();
    let listen: Vec<String> = config.sip.listen.iter().map(Listen::to_string).collect();
    assert_eq!(listen, ["udp:0.0.0.0:5060", "tcp:0.0.0.0:5060", "udp:[::]:5060", "tcp:[::]:5060"]);
    assert_eq!(config.sip.numbers, ["0480445511".parse().unwrap()]);
    assert_eq!(config.sip.domain, "localhost");
    assert!(config.sip.trunks.iter().any(|t| t.contains(&"127.0.0.1".parse::<IpAddr>().unwrap())));
    assert!(!config.sip.trunks.iter().any(|t| t.contains(&"8.8.8.8".parse::<IpAddr>().unwrap())));
    assert_eq!(config.media, MediaConfig { address: None, ports: PORTS, workers: None, codecs: Codec::ALL.into_iter().collect() });
    assert_eq!(config.opus, OpusSettings { bitrate: 32_000, complexity: 5, expected_loss: 10 });
    assert_eq!(config.mix, MixSettings { speakers: 5, level: true });
    assert_eq!(config.prompts.folder, None);
    assert_eq!(config.call, CallConfig { max_calls: None, when_full: WhenFull::Say, longest: LONGEST });
    assert!(config.meetings.is_empty());
    assert_eq!(config.http, HttpConfig { listen: Some("127.0.0.1:8080".parse().unwrap()), place: Place::Default });
    assert_eq!(config.log, LogConfig { level: LevelFilter::INFO, json: false });
}

#[test]
fn a_whole_file_is_read() {
    let config = load(
        r#"
        [sip]
        listen = ["udp:127.0.0.1:5070", "tcp:[::1]:5070"]
        numbers = ["0480445511", "+46 480 44 55 12"]
        domain = "Bro.example.se"
        trunks = ["192.0.2.0/24", "::1"]
        [media]
        address = "192.0.2.7"
        ports = "20001-20100"
        workers = 3
        codecs = ["pcma", "Opus"]
        [opus]
        bitrate = 24000
        complexity = 10
        expected_loss = 0
        [mix]
        speakers = 24
        level = false
        [call]
        max_calls = 40
        when_full = "503"
        longest = "1h30m"
        [[meeting]]
        name = "testmote1"
        id = "123456789"
        [[meeting]]
        name = "vardplan-2"
        id = "000000001"
        [http]
        listen = "[::1]:9090"
        [log]
        level = "debug"
        format = "json"
        "#,
        &[],
    )
    .unwrap();
    assert_eq!(config.sip.listen.len(), 2);
    assert!(config.sip.listen.iter().all(|l| !l.optional));
    assert_eq!(config.sip.domain, "bro.example.se");
    assert_eq!(config.sip.trunks.len(), 2);
    assert_eq!(config.media.ports, PortRange { first: 20002, last: 20099 });
    assert_eq!(config.mix, MixSettings { speakers: 24, level: false });
    assert_eq!((config.media.workers, config.call.max_calls), (Some(3), Some(40)));
    assert_eq!((config.call.longest, config.call.when_full), (Duration::from_secs(5400), WhenFull::Refuse));
    assert_eq!(config.meetings.iter().map(|m| m.name.as_str()).collect::<Vec<_>>(), ["testmote1", "vardplan-2"]);
    assert_eq!(config.http.listen, Some("[::1]:9090".parse().unwrap()));
    assert_eq!(config.log, LogConfig { level: LevelFilter::DEBUG, json: true });
}

#[test]
fn what_to_do_when_full_is_one_of_two() {
    let faults = lines(load("[call]\nwhen_full = \"busy\"\n", &[]));
    assert!(faults.len() == 1 && faults[0].starts_with("bro.toml:2: call.when_full: ") && faults[0].contains("upptaget"), "{faults:?}");
}

#[test]
fn http_is_an_address_or_nothing() {
    assert_eq!(load("[http]\nlisten = \"\"\n", &[]).unwrap().http.listen, None);
    assert_eq!(load("", &[("LJUDBRO_HTTP_LISTEN", "")]).unwrap().http.listen, None);
    for text in ["8080", "localhost:8080", "tcp:127.0.0.1:8080", "127.0.0.1"] {
        let faults = lines(load(&format!("[http]\nlisten = \"{text}\"\n"), &[]));
        assert_eq!(faults.len(), 1, "{faults:?}");
        assert!(faults[0].starts_with("bro.toml:2: http.listen: ") && faults[0].contains("127.0.0.1:8080"), "{faults:?}");
    }
    let faults = lines(load("[http]\nlisten = [\"127.0.0.1:8080\"]\n[htp]\n", &[]));
    assert!(faults[0].contains("127.0.0.1:8080") && faults[1].contains("did you mean http?"), "{faults:?}");
}

#[test]
fn all_faults_are_named_at_once_with_their_lines_and_without_secrets() {
    let faults = lines(load(
        "[sip]\nlisten = [\"udp:0.0.0.0:5060\",\n  \"sctp:0.0.0.0:5060\",\n  \"udp:0.0.0.0:5060\"]\nlissten = 1\nnumbers = [\"12x\"]\ntrunks = []\n\
         [media]\nports = \"9-1\"\nworkers = \"two\"\n[cal]\nx = 1\n[call]\nlongest = \"0s\"\nmax_calls = -1\n\
         [[meeting]]\nname = \"a\"\nid = \"12345678\"\n[[meeting]]\nname = \"A\"\nid = \"123456789\"\n[[meeting]]\nid = \"123456789\"\n\
         [prompts]\nfolder = \"/nowhere/at/all\"\n",
        &[],
    ));
    let found: Vec<String> = faults.iter().map(|l| l.splitn(4, ':').take(3).collect::<Vec<_>>().join(":")).collect();
    assert_eq!(
        found,
        [
            "bro.toml:3: sip.listen",
            "bro.toml:4: sip.listen",
            "bro.toml:5: sip.lissten",
            "bro.toml:6: sip.numbers",
            "bro.toml:7: sip.trunks",
            "bro.toml:9: media.ports",
            "bro.toml:10: media.workers",
            "bro.toml:11: cal",
            "bro.toml:14: call.longest",
            "bro.toml:15: call.max_calls",
            "bro.toml:18: meeting.id",
            "bro.toml:20: meeting.name",
            "bro.toml:22: meeting.name",
            "bro.toml:23: meeting.id",
            "bro.toml:25: prompts.folder",
        ],
        "{faults:#?}"
    );
    let all = faults.join("\n");
    assert!(all.contains("did you mean listen?") && all.contains("did you mean call?"), "{all}");
    assert!(!all.contains("123456789") && !all.contains("12345678") && !all.contains("12x"), "{all}");
}

#[test]
fn several_syntax_faults_are_several_lines() {
    let faults = lines(load("[sip]\ndomain = \n[media]\nports = 'x\n", &[]));
    assert!(faults.iter().any(|l| l.starts_with("bro.toml:2: ")), "{faults:?}");
    assert!(faults.iter().any(|l| l.starts_with("bro.toml:4: ")), "{faults:?}");
}

#[test]
fn the_environment_lies_over_the_file() {
    let environment = [("LJUDBRO_SIP_LISTEN", "udp:127.0.0.1:5090, tcp:127.0.0.1:5090"), ("LJUDBRO_CALL_MAX_CALLS", "7"), ("HOME", "/")];
    let config = load("[sip]\nlisten = [\"nonsense\"]\n[call]\nmax_calls = 9\n", &environment).unwrap();
    assert_eq!(config.sip.listen.len(), 2);
    assert_eq!(config.call.max_calls, Some(7));
}

#[test]
fn faults_of_the_environment_name_the_variable() {
    let environment = [("LJUDBRO_SIP_LISTN", "x"), ("LJUDBRO_LOG_LEVEL", "loud"), ("LJUDBRO_MEDIA_WORKERS", "two")];
    let faults = lines(load("", &environment));
    assert_eq!(faults.len(), 3, "{faults:?}");
    assert!(faults.iter().any(|l| l.starts_with("LJUDBRO_SIP_LISTN: ") && l.contains("LJUDBRO_SIP_LISTEN?")), "{faults:?}");
    assert!(faults.iter().any(|l| l.starts_with("LJUDBRO_LOG_LEVEL: log.level: ")), "{faults:?}");
    assert!(faults.iter().any(|l| l.starts_with("LJUDBRO_MEDIA_WORKERS: media.workers: ")), "{faults:?}");
}

#[test]
fn more_calls_than_pairs_of_ports_is_a_fault() {
    let faults = lines(load("[media]\nports = \"4000-4003\"\n[call]\nmax_calls = 3\n", &[]));
    assert_eq!(faults.len(), 1);
    assert!(faults.iter().all(|l| l.starts_with("bro.toml:4: call.max_calls: ")), "{faults:?}");
}

#[test]
fn the_mix_is_within_its_bounds() {
    for (text, key) in [("speakers = 1", "mix.speakers"), ("speakers = 25", "mix.speakers"), ("level = 1", "mix.level")] {
        let faults = lines(load(&format!("[mix]\n{text}\n"), &[]));
        assert!(faults.len() == 1 && faults[0].starts_with(&format!("bro.toml:2: {key}: ")), "{faults:?}");
    }
    assert!(!load("", &[("LJUDBRO_MIX_LEVEL", "false")]).unwrap().mix.level);
    assert_eq!(lines(load("", &[("LJUDBRO_MIX_LEVEL", "no")])).len(), 1);
}

#[test]
fn a_file_that_is_not_there_is_one_line() {
    let faults = Config::load(Some(std::path::Path::new("/nowhere/bro.toml")), []).unwrap_err();
    assert_eq!(faults.faults.len(), 1);
    assert!(faults.to_string().starts_with("/nowhere/bro.toml: cannot be read"), "{faults}");
}

#[test]
fn codecs_are_named_each_once_and_opus_has_its_ranges() {
    let config = load("[media]\ncodecs = [\"pcma\", \"Opus\"]\n[opus]\nbitrate = 6000\n", &[("LJUDBRO_OPUS_COMPLEXITY", "9")]).unwrap();
    assert_eq!(config.media.codecs.as_slice(), [Codec::Pcma, Codec::Opus]);
    assert_eq!(config.opus, OpusSettings { bitrate: 6_000, complexity: 9, expected_loss: 10 });
    let text = "[media]\ncodecs = [\"G729\", \"opus\",\n\"OPUS\", \"speex\"]\n[opus]\nbitrate = 1\ncomplexity = 11\nexpected_loss = 101\n";
    assert_eq!(
        lines(load(text, &[])),
        [
            "bro.toml:2: media.codecs: \"G729\" is no codec of ours; they are opus, G722, PCMA and PCMU (did you mean G722?)",
            "bro.toml:3: media.codecs: \"speex\" is no codec of ours; they are opus, G722, PCMA and PCMU",
            "bro.toml:3: media.codecs: opus is there twice; remove one",
            "bro.toml:5: opus.bitrate: 1 is out of range; write a whole number from 6000 to 64000",
            "bro.toml:6: opus.complexity: 11 is out of range; write a whole number from 0 to 10",
            "bro.toml:7: opus.expected_loss: 101 is out of range; write a whole number from 0 to 100",
        ]
    );
    let empty = lines(load("[media]\ncodecs = []\n", &[]));
    assert!(empty.len() == 1 && empty[0].contains("no codec, so nobody could be answered"), "{empty:?}");
}

//! The names of all prompts: a flat table. The texts are in `prompts/sv/manifest.toml`.

macro_rules! prompts {
    ($($id:ident = $name:literal),* $(,)?) => {
        /// One prompt of the set.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        #[repr(u8)]
        pub enum PromptId {
            $(#[doc = concat!("`", $name, "`")] $id,)*
        }

        impl PromptId {
            /// Every prompt, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$id),*];

            /// The name in manifest and file system.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$id => $name,)*
                }
            }

            /// By name.
            pub fn by_name(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$id),)*
                    _ => None,
                }
            }

            /// The WAV file of the built-in set. That there is one for every name, the compiler sees.
            pub fn built_in(self) -> &'static [u8] {
                match self {
                    $(Self::$id => include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/prompts/sv/", $name, ".wav")),)*
                }
            }
        }
    };
}

prompts! {
    Valkommen = "valkommen",
    IdAnge = "id_ange",
    IdKort = "id_kort",
    IdTomt = "id_tomt",
    IdFel = "id_fel",
    IdSista = "id_sista",
    IdAdjo = "id_adjo",
    TystAdjo = "tyst_adjo",
    PinAnge = "pin_ange",
    PinFel = "pin_fel",
    PinSista = "pin_sista",
    PinAdjo = "pin_adjo",
    Ansluter = "ansluter",
    Forst = "forst",
    Ensam = "ensam",
    Antal1 = "antal_1",
    Antal2 = "antal_2",
    Vantar = "vantar",
    Lobby = "lobby",
    Inslappt = "inslappt",
    Nekad = "nekad",
    LastUte = "last_ute",
    Last = "last",
    Upplast = "upplast",
    MikAv = "mik_av",
    MikPa = "mik_pa",
    MikLedare = "mik_ledare",
    AllaAv = "alla_av",
    AllaPa = "alla_pa",
    Fullt = "fullt",
    Upptaget = "upptaget",
    LedareUt = "ledare_ut",
    Slut2min = "slut_2min",
    Slut = "slut",
    BekraftaSlut = "bekrafta_slut",
    Bortkopplad = "bortkopplad",
    FelVal = "fel_val",
    FelTeknik = "fel_teknik",
    Hjalp = "hjalp",
    HjalpLedare = "hjalp_ledare",
    Ljudprov = "ljudprov",
    LjudprovSvar = "ljudprov_svar",
    Siffra0 = "siffra_0",
    Siffra1 = "siffra_1",
    Siffra2 = "siffra_2",
    Siffra3 = "siffra_3",
    Siffra4 = "siffra_4",
    Siffra5 = "siffra_5",
    Siffra6 = "siffra_6",
    Siffra7 = "siffra_7",
    Siffra8 = "siffra_8",
    Siffra9 = "siffra_9",
    TalEn = "tal_en",
    Tal2 = "tal_2",
    Tal3 = "tal_3",
    Tal4 = "tal_4",
    Tal5 = "tal_5",
    Tal6 = "tal_6",
    Tal7 = "tal_7",
    Tal8 = "tal_8",
    Tal9 = "tal_9",
    Tal10 = "tal_10",
    Tal11 = "tal_11",
    Tal12 = "tal_12",
    Tal13 = "tal_13",
    Tal14 = "tal_14",
    Tal15 = "tal_15",
    Tal16 = "tal_16",
    Tal17 = "tal_17",
    Tal18 = "tal_18",
    Tal19 = "tal_19",
    Tal20 = "tal_20",
    Tal30 = "tal_30",
    Tal40 = "tal_40",
    Tal50 = "tal_50",
    Tal60 = "tal_60",
    Tal70 = "tal_70",
    Tal80 = "tal_80",
    Tal90 = "tal_90",
    Tal100 = "tal_100",
    TonIn = "ton_in",
    TonUt = "ton_ut",
}

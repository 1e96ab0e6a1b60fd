//! The Swedish set inside the binary: `prompts/sv`, embedded file by file with the table of ids ([`PromptId::built_in`]).

use std::sync::LazyLock;

use super::PromptId;
use super::fault::Reason;
use super::load::{Folder, Loaded, load};
use super::manifest;

/// The embedded files as a folder.
#[derive(Clone, Copy, Debug)]
pub struct BuiltIn;

impl Folder for BuiltIn {
    fn names(&self) -> Result<Vec<String>, Reason> {
        Ok(PromptId::ALL.iter().map(|id| format!("{}.wav", id.name())).collect())
    }

    fn read(&self, file: &str, _most: usize) -> Result<Vec<u8>, Reason> {
        if file == manifest::FILE {
            return Ok(include_bytes!(concat!(env!("CARGO_MANIFEST_DIR"), "/prompts/sv/manifest.toml")).to_vec());
        }
        let id = file.strip_suffix(".wav").and_then(PromptId::by_name).ok_or(Reason::Missing)?;
        Ok(id.built_in().to_vec())
    }
}

/// The built-in set, decoded at first use and kept: what an operator's folder lacks comes from here.
pub fn built_in() -> &'static Loaded {
    static SET: LazyLock<Loaded> =
        LazyLock::new(|| load(&BuiltIn, None).loaded().expect("the embedded set passes its own check: see the tests"));
    &SET
}

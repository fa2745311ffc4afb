//! What a listener's TLS is made from: files, read at the start and again whenever they change.

use std::path::{Path, PathBuf};

use samsyn_domain::registry::Document;
use sha2::{Digest, Sha256};

use super::{AnchorFiles, BadConfig, Config, SharedAnchorFiles, TlsFiles, text};
use crate::tls::{Anchor, ServerMaterial};

/// Which files: they stay the same while the process lives, what stands in them does not.
#[derive(Debug, Clone)]
pub(crate) struct TlsSource {
    folder: PathBuf,
    tls: TlsFiles,
    anchors: Vec<AnchorFiles>,
    shared_anchors: Vec<SharedAnchorFiles>,
    document: Document,
}

/// What stood in them.
#[derive(Debug, Clone)]
pub(crate) struct Material {
    /// The server's certificate and key.
    pub(crate) server: ServerMaterial,
    /// The authorities with their revocation lists.
    pub(crate) anchors: Vec<Anchor>,
}

impl TlsSource {
    /// The files that a configuration names, relative to a folder.
    pub(super) fn of(config: &Config, document: &Document, folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            tls: config.tls.clone(),
            anchors: config.anchors.clone(),
            shared_anchors: config.shared_anchors.clone(),
            document: document.clone(),
        }
    }

    /// Reads them.
    ///
    /// # Errors
    /// The first that cannot be read or does not fit the registry.
    pub(crate) fn read(&self) -> Result<Material, BadConfig> {
        let read = |file: &Path| text(&self.folder.join(file));
        let server =
            ServerMaterial { chain_pem: read(&self.tls.chain)?, key_pem: read(&self.tls.key)? };
        let own = self.anchors.iter().map(|files| files.read(&self.document, &self.folder));
        let shared = self.shared_anchors.iter();
        let shared = shared.map(|files| files.read(&self.document, &self.folder));
        Ok(Material { server, anchors: own.chain(shared).collect::<Result<_, _>>()? })
    }

    /// A digest of all that stands in them, to see whether anything changed; of a file that cannot
    /// be read, that it cannot.
    pub(crate) fn digest(&self) -> [u8; 32] {
        let own = self.anchors.iter().map(|files| (Some(&files.bundle), files.crl.as_ref()));
        let shared = self.shared_anchors.iter();
        let shared = shared.map(|files| (Some(&files.bundle), files.crl.as_ref()));
        let server = (Some(&self.tls.chain), Some(&self.tls.key));
        let mut digest = Sha256::new();
        for file in own.chain(shared).chain([server]).flat_map(|(a, b)| [a, b]).flatten() {
            let bytes = std::fs::read(self.folder.join(file)).unwrap_or_default();
            digest.update(Sha256::digest(&bytes));
        }
        digest.finalize().into()
    }
}

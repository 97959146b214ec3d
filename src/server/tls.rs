//! TLS for connections: the certificate and its private key, which are loaded again when their files change.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use crate::limits::CERTIFICATE_CHECK;

/// The paths of the certificate and its private key, both in PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate, followed by the intermediate certificates that browsers need.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

/// The error returned when a certificate cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("failed to read {path} for TLS: {source}")]
    Read {
        /// The path of the file.
        path: PathBuf,
        /// The I/O error.
        source: io::Error,
    },
    /// A file does not contain the expected certificate or key.
    #[error("{path} does not contain {expected} in PEM")]
    Content {
        /// The path of the file.
        path: PathBuf,
        /// The expected content.
        expected: &'static str,
    },
    /// The certificate and the key cannot be used together.
    #[error("failed to use the certificate with its key: {0}")]
    Unusable(#[from] rustls::Error),
}

/// Accepts TLS connections with the current certificate. Clones share the certificate.
#[derive(Clone)]
pub struct Tls {
    acceptor: TlsAcceptor,
    certificate: Arc<CurrentCertificate>,
}

impl Tls {
    /// Loads the certificate and the key.
    pub(super) fn open(files: TlsFiles) -> Result<Self, TlsError> {
        let certificate = Arc::new(CurrentCertificate::load(files)?);
        let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(certificate.clone());
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Self { acceptor: TlsAcceptor::from(Arc::new(config)), certificate })
    }

    /// Returns the acceptor of new connections.
    pub(super) const fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    /// Loads the certificate again whenever a file has changed, until `shutdown` is cancelled.
    ///
    /// The files are checked at intervals. Notifications of the file system would not be enough, because tools replace
    /// the files in several ways: by renaming, by writing, or by changing a link to their directory.
    pub(super) async fn keep_current(&self, shutdown: &CancellationToken) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(CERTIFICATE_CHECK) => {}
                () = shutdown.cancelled() => return,
            }
            let certificate = self.certificate.clone();
            let checked = tokio::task::spawn_blocking(move || certificate.reload_if_changed());
            if checked.await.is_err() {
                tracing::error!("the certificate could not be checked");
            }
        }
    }
}

/// The certificate that new connections use.
#[derive(Debug)]
struct CurrentCertificate {
    files: TlsFiles,
    loaded: RwLock<LoadedCertificate>,
}

/// A certificate with its key, and the versions of the files at the last check. If the files could not be loaded at the
/// last check, the certificate is the one that was last loaded successfully.
#[derive(Debug)]
struct LoadedCertificate {
    key: Arc<CertifiedKey>,
    versions: [FileVersion; 2],
}

/// Identifies a version of a file by its inode, its size, and the time at which its content or its permissions were
/// last changed. It is `None` if the file is missing.
type FileVersion = Option<(u64, u64, i64, i64)>;

impl CurrentCertificate {
    fn load(files: TlsFiles) -> Result<Self, TlsError> {
        // The versions are read before the files, so that a file that is replaced in between is loaded again at the
        // next check.
        let versions = versions(&files);
        let key = Arc::new(read(&files)?);
        Ok(Self { files, loaded: RwLock::new(LoadedCertificate { key, versions }) })
    }

    /// Loads the files if they have changed. If they cannot be used, for example because a tool has replaced only one
    /// of them so far, the previous certificate remains in use.
    fn reload_if_changed(&self) {
        let versions = versions(&self.files);
        if versions == self.loaded.read().unwrap_or_else(PoisonError::into_inner).versions {
            return;
        }
        let file = self.files.certificate.display();
        let read = read(&self.files);
        let mut loaded = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
        loaded.versions = versions;
        match read {
            Ok(key) => {
                loaded.key = Arc::new(key);
                tracing::info!(%file, "the certificate was loaded again");
            }
            Err(error) => tracing::warn!(%file, "the previous certificate remains in use: {error}"),
        }
    }
}

impl ResolvesServerCert for CurrentCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.loaded.read().unwrap_or_else(PoisonError::into_inner).key.clone())
    }
}

fn versions(files: &TlsFiles) -> [FileVersion; 2] {
    [&files.certificate, &files.key].map(|path| {
        let file = fs::metadata(path).ok()?;
        Some((file.ino(), file.size(), file.ctime(), file.ctime_nsec()))
    })
}

fn read(files: &TlsFiles) -> Result<CertifiedKey, TlsError> {
    let pem = |path: &Path| fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source });
    let content = |path: &Path, expected| TlsError::Content { path: path.to_owned(), expected };
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem(&files.certificate)?).collect();
    let chain = chain.ok().filter(|chain| !chain.is_empty());
    let chain = chain.ok_or_else(|| content(&files.certificate, "a certificate"))?;
    let key = PrivateKeyDer::from_pem_slice(&pem(&files.key)?);
    let key = key.map_err(|_| content(&files.key, "a private key without a password"))?;
    Ok(CertifiedKey::from_der(chain, key, &ring::default_provider())?)
}

#[cfg(test)]
mod tests {
    use rcgen::{CertifiedKey as NewCertificate, generate_simple_self_signed};
    use tempfile::TempDir;

    use super::*;

    fn self_signed() -> (String, String) {
        let NewCertificate { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).expect("the name is valid");
        (cert.pem(), signing_key.serialize_pem())
    }

    fn certificate_in(folder: &TempDir) -> CurrentCertificate {
        let files = TlsFiles { certificate: folder.path().join("cert.pem"), key: folder.path().join("key.pem") };
        let (certificate, key) = self_signed();
        write(&files.certificate, &certificate);
        write(&files.key, &key);
        CurrentCertificate::load(files).expect("the files can be used")
    }

    /// Replaces a file in one step, by renaming a new file.
    fn write(path: &Path, text: &str) {
        let new = path.with_extension("new");
        fs::write(&new, text).expect("the folder can be written");
        fs::rename(&new, path).expect("the folder can be written");
    }

    fn current(certificate: &CurrentCertificate) -> Vec<u8> {
        certificate.loaded.read().expect("no thread panicked").key.cert[0].to_vec()
    }

    #[test]
    fn the_certificate_is_replaced_only_by_a_usable_one() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let certificate = certificate_in(&folder);
        let first = current(&certificate);
        let (next, next_key) = self_signed();
        for unusable in ["", "no certificate", &next, &format!("{next}junk")] {
            write(&certificate.files.certificate, unusable);
            certificate.reload_if_changed();
            assert_eq!(current(&certificate), first, "after {unusable:?}");
        }
        fs::remove_file(&certificate.files.certificate).expect("the file exists");
        certificate.reload_if_changed();
        assert_eq!(current(&certificate), first, "after the file was removed");
        write(&certificate.files.certificate, &next);
        certificate.reload_if_changed();
        assert_eq!(current(&certificate), first, "the key is still the previous one");
        write(&certificate.files.key, &next_key);
        certificate.reload_if_changed();
        assert_ne!(current(&certificate), first);
    }

    #[test]
    fn unchanged_files_are_not_loaded_again() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let certificate = certificate_in(&folder);
        let first = certificate.loaded.read().expect("no thread panicked").key.clone();
        certificate.reload_if_changed();
        assert!(Arc::ptr_eq(&first, &certificate.loaded.read().expect("no thread panicked").key));
    }
}

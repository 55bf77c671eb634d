//! The directory of a run: the certificates, and the Unix domain sockets of the routers.

use std::path::{Path, PathBuf};
use std::{env, fs, process};

use anyhow::{Context, Result};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};

/// A directory that is removed when it is dropped. It holds a certificate for the routers of this
/// machine, `server.pem` with its key in `server.key`, and that of its issuer, `root.pem`.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn create() -> Result<Self> {
        // The path of a Unix domain socket may have no more than about a hundred octets.
        let path = env::temp_dir().join(format!("wamp-interop-{}", process::id()));
        fs::create_dir(&path).with_context(|| format!("{} cannot be created", path.display()))?;
        let folder = Self(path);
        folder.write_certificates()?;
        Ok(folder)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The certificate that clients are to trust.
    pub(crate) fn root(&self) -> PathBuf {
        self.0.join("root.pem")
    }

    fn write_certificates(&self) -> Result<()> {
        let mut root = CertificateParams::default();
        root.distinguished_name
            .push(DnType::CommonName, "the root of the interoperation tests");
        root.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        root.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let root_key = KeyPair::generate()?;
        fs::write(self.root(), root.self_signed(&root_key)?.pem())?;

        let names = ["localhost", "127.0.0.1", "::1"].map(str::to_owned);
        let mut server = CertificateParams::new(names)?;
        // Python wants it, from version 3.13 on.
        server.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = server.signed_by(&key, &Issuer::new(root, root_key))?;
        fs::write(self.0.join("server.pem"), certificate.pem())?;
        fs::write(self.0.join("server.key"), key.serialize_pem())?;
        Ok(())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What is left is small, and in a place for things that are left.
        fs::remove_dir_all(&self.0).ok();
    }
}

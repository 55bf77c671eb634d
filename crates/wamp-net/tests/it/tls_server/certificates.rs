//! Certificates and keys: their forms, what may be wrong with them, and new ones.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio_rustls::rustls;
use wamp_net::tls::{ServerTls, ServerTlsError, TlsVersion};

use super::{BOTH, Pair, client, converse, listen, meet};

#[tokio::test]
async fn every_form_of_a_key_is_read_and_may_be_in_the_file_of_its_certificate() {
    for name in ["pkcs1_rsa.pem", "pkcs8_ed25519.pem", "sec1_p256.pem"] {
        let path = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("tests/it/pem")
            .join(name);
        let tls = ServerTls::from_pem_files(&path, &path).unwrap();
        let listener = listen(&tls).await;
        let trusted = CertificateDer::from_pem_file(&path).unwrap();
        let (client, server) = meet(&listener, client(&trusted, &BOTH)).await;
        converse(&mut client.unwrap(), &mut server.unwrap()).await;
    }
}

#[tokio::test]
async fn the_whole_chain_is_sent() {
    let issuer = |name: &str| {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params
            .distinguished_name
            .push(rcgen::DnType::CommonName, name);
        (params, KeyPair::generate().unwrap())
    };
    let (params, key) = issuer("root");
    let root = CertifiedIssuer::self_signed(params, key).unwrap();
    let (params, key) = issuer("between");
    let between = CertifiedIssuer::signed_by(params, key, &root).unwrap();
    let key = KeyPair::generate().unwrap();
    let params = CertificateParams::new(["localhost".to_owned()]).unwrap();
    let leaf = params.signed_by(&key, &between).unwrap();

    let chain = format!("{}{}", leaf.pem(), between.pem());
    let tls = ServerTls::from_pem(chain, key.serialize_pem()).unwrap();
    // The client knows the root alone.
    let (client, server) = meet(&listen(&tls).await, client(root.der(), &BOTH)).await;
    converse(&mut client.unwrap(), &mut server.unwrap()).await;
}

/// Two files in a directory of the test's own, which is removed with it.
struct Files(PathBuf);

impl Files {
    fn new(pair: &Pair) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let name = format!(
            "wamp-tls-{}-{}",
            std::process::id(),
            NEXT.fetch_add(1, Relaxed)
        );
        let directory = std::env::temp_dir().join(name);
        fs::create_dir(&directory).unwrap();
        let files = Self(directory);
        files.write(&pair.certificate_pem, &pair.key_pem);
        files
    }

    fn certificate(&self) -> PathBuf {
        self.0.join("cert.pem")
    }

    fn key(&self) -> PathBuf {
        self.0.join("key.pem")
    }

    fn write(&self, certificate: &str, key: &str) {
        fs::write(self.certificate(), certificate).unwrap();
        fs::write(self.key(), key).unwrap();
    }

    fn tls(&self) -> Result<ServerTls, ServerTlsError> {
        ServerTls::from_pem_files(self.certificate(), self.key())
    }
}

impl Drop for Files {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

#[tokio::test]
async fn a_new_certificate_is_for_new_connections_and_leaves_open_ones_alone() {
    let (old, new) = (Pair::new(), Pair::new());
    let files = Files::new(&old);
    let tls = files.tls().unwrap().min_version(TlsVersion::V1_3);
    let listener = listen(&tls).await;
    // The same client comes again, so that it could resume its session.
    let returning = client(&old.certificate, &BOTH);
    let (client_side, server) = meet(&listener, returning.clone()).await;
    let (mut client_side, mut server) = (client_side.unwrap(), server.unwrap());
    converse(&mut client_side, &mut server).await;
    let (again, _) = meet(&listener, returning.clone()).await;
    let kind = again.unwrap().get_ref().1.handshake_kind();
    assert_eq!(kind, Some(rustls::HandshakeKind::Resumed));

    files.write(&new.certificate_pem, &new.key_pem);
    tls.reload().unwrap();
    converse(&mut client_side, &mut server).await;
    assert!(meet(&listener, returning).await.0.is_err());
    let (client_side, server) = meet(&listener, client(&new.certificate, &BOTH)).await;
    converse(&mut client_side.unwrap(), &mut server.unwrap()).await;
    // What else was set still is.
    let outdated = client(&new.certificate, &[TlsVersion::V1_2]);
    assert!(meet(&listener, outdated).await.0.is_err());
}

#[tokio::test]
async fn what_another_one_has_is_taken_over_for_new_connections_with_its_files() {
    let (old, new, newest) = (Pair::new(), Pair::new(), Pair::new());
    let tls = old.tls();
    let listener = listen(&tls).await;
    let (client_side, server) = meet(&listener, client(&old.certificate, &BOTH)).await;
    let (mut client_side, mut server) = (client_side.unwrap(), server.unwrap());

    let files = Files::new(&new);
    let other = files.tls().unwrap().min_version(TlsVersion::V1_3);
    tls.replace(&other);
    converse(&mut client_side, &mut server).await;
    assert!(
        meet(&listener, client(&old.certificate, &BOTH))
            .await
            .0
            .is_err()
    );
    let outdated = client(&new.certificate, &[TlsVersion::V1_2]);
    assert!(meet(&listener, outdated).await.0.is_err());
    let (client_side, server) = meet(&listener, client(&new.certificate, &BOTH)).await;
    converse(&mut client_side.unwrap(), &mut server.unwrap()).await;

    files.write(&newest.certificate_pem, &newest.key_pem);
    tls.reload().unwrap();
    let (client_side, server) = meet(&listener, client(&newest.certificate, &BOTH)).await;
    converse(&mut client_side.unwrap(), &mut server.unwrap()).await;
}

#[tokio::test]
async fn a_bad_file_keeps_the_old_certificate_and_says_why() {
    let (pair, other) = (Pair::new(), Pair::new());
    let files = Files::new(&pair);
    let tls = files.tls().unwrap();
    let listener = listen(&tls).await;
    let (certificate, key) = (&*pair.certificate_pem, &*pair.key_pem);
    let (cert_file, key_file) = (files.certificate(), files.key());
    let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let one_line = key.replace('\n', "\\n");
    let damaged_key = key.replace("MI", "MJ");
    let damaged = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let cut = &certificate[..certificate.len() / 2];
    for (certificate, key, file, text) in [
        ("", key, &cert_file, "not in the PEM form"),
        ("no certificate", key, &cert_file, "not in the PEM form"),
        (cut, key, &cert_file, "not in the PEM form"),
        (key, key, &cert_file, "no certificate"),
        (damaged, key, &cert_file, "cannot be used"),
        (certificate, "", &key_file, "not in the PEM form"),
        (certificate, &one_line, &key_file, "not in the PEM form"),
        (certificate, certificate, &key_file, "no private key"),
        (certificate, &encrypted, &key_file, "encrypted"),
        (certificate, &damaged_key, &key_file, "damaged"),
        (certificate, &other.key_pem, &key_file, "does not belong"),
    ] {
        files.write(certificate, key);
        let error = tls.reload().unwrap_err();
        assert_eq!(error.to_string(), files.tls().unwrap_err().to_string());
        let said = error.to_string();
        assert!(said.contains(&*file.to_string_lossy()), "{said}");
        assert!(said.contains(text), "{text}: {said}");
        // Nothing of the key is in what is said.
        let secrets = key.lines().filter(|line| line.len() > 40);
        for secret in secrets {
            let said = format!("{said} {error:?} {tls:?} {listener:?}");
            assert!(!said.contains(&secret[..16]), "{said}");
        }
    }
    fs::remove_file(&key_file).unwrap();
    let error = tls.reload().unwrap_err();
    assert!(matches!(error, ServerTlsError::Read { .. }), "{error}");
    assert!(
        error.to_string().contains(&*key_file.to_string_lossy()),
        "{error}"
    );

    let (client, server) = meet(&listener, client(&pair.certificate, &BOTH)).await;
    converse(&mut client.unwrap(), &mut server.unwrap()).await;
}

#[tokio::test]
async fn what_was_handed_over_is_named_in_errors_and_not_read_again() {
    let (pair, other) = (Pair::new(), Pair::new());
    let error = ServerTls::from_pem(&pair.certificate_pem, &other.key_pem).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the private key in the text of the key does not belong to the first certificate in the \
         text of the certificate"
    );
    let error = pair.tls().reload().unwrap_err();
    assert!(matches!(error, ServerTlsError::NoFiles), "{error}");
}

//! The connection to NATS: options named as the `nats` program names them.

mod error;

use std::error::Error as _;
use std::io;
use std::path::{Path, PathBuf};

use async_nats::{ConnectErrorKind, Event, ServerAddr, rustls};
use clap::Args;
use wrpc_middleware::nats::{self, Client, ConnectOptions, Options};

pub use self::error::ConnectError;

/// Where NATS is and who asks.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "NATS options")]
pub struct NatsArgs {
    /// NATS servers, separated by commas
    #[arg(
        short = 's',
        long = "nats",
        visible_alias = "server",
        value_name = "URL",
        env = "NATS_URL",
        hide_env_values = true,
        value_delimiter = ',',
        default_value = "nats://127.0.0.1:4222"
    )]
    pub servers: Vec<String>,
    /// Username, or a token if there is no password
    #[arg(long, env = "NATS_USER", hide_env_values = true)]
    pub user: Option<String>,
    /// Password
    #[arg(long, env = "NATS_PASSWORD", hide_env_values = true, requires = "user")]
    pub password: Option<String>,
    /// Name of the connection, as the server lists it [default: wrpc-host and the component's id]
    #[arg(long, value_name = "NAME")]
    pub connection_name: Option<String>,
    /// File with a user's credentials (JWT and seed)
    #[arg(long, value_name = "FILE", env = "NATS_CREDS", conflicts_with_all = ["nkey", "user"])]
    pub creds: Option<PathBuf>,
    /// File with a user's NKEY seed
    #[arg(long, value_name = "FILE", env = "NATS_NKEY", conflicts_with = "user")]
    pub nkey: Option<PathBuf>,
    /// TLS public certificate
    #[arg(
        long = "tlscert",
        value_name = "FILE",
        env = "NATS_CERT",
        requires = "tls_key"
    )]
    pub tls_cert: Option<PathBuf>,
    /// TLS private key
    #[arg(
        long = "tlskey",
        value_name = "FILE",
        env = "NATS_KEY",
        requires = "tls_cert"
    )]
    pub tls_key: Option<PathBuf>,
    /// TLS certificate authority chain
    #[arg(long = "tlsca", value_name = "FILE", env = "NATS_CA")]
    pub tls_ca: Option<PathBuf>,
    /// Perform the TLS handshake before expecting the server's greeting
    #[arg(long = "tlsfirst")]
    pub tls_first: bool,
    /// Custom prefix for inboxes [default: _INBOX]
    #[arg(long, value_name = "PREFIX", value_parser = inbox_prefix)]
    pub inbox_prefix: Option<String>,
    /// What inboxes of peers may start with, beside `_INBOX` and the own prefix; several are separated
    /// by commas. Nothing is sent where a peer names another subject
    #[arg(long, value_name = "PREFIX", value_delimiter = ',', value_parser = inbox_prefix)]
    pub peer_inbox_prefix: Vec<String>,
}

impl NatsArgs {
    /// The environment variables that set them.
    pub(crate) const VARIABLES: [&str; 8] = [
        "NATS_URL",
        "NATS_USER",
        "NATS_PASSWORD",
        "NATS_CREDS",
        "NATS_NKEY",
        "NATS_CERT",
        "NATS_KEY",
        "NATS_CA",
    ];

    /// A server that asks for nothing.
    #[must_use]
    pub fn at(url: String) -> Self {
        Self {
            servers: vec![url],
            ..Self::default()
        }
    }

    /// Connects, once: a server that can't be reached is an error. From then on the connection
    /// comes back by itself, with pauses of a second at most.
    ///
    /// `name` is the name of the connection if the options have none; `client` says how the client
    /// behaves, all but its inboxes.
    ///
    /// # Errors
    ///
    /// A file of an option can't be used, no server takes the connection within five seconds each, or
    /// the server does not permit the inbox.
    pub async fn connect(&self, name: &str, client: Options) -> Result<Client, ConnectError> {
        self.connect_noting(name, client, |_| ()).await
    }

    /// The same, and calls `note` for every event of the NATS client.
    ///
    /// # Errors
    ///
    /// Those of [`connect`](Self::connect).
    pub async fn connect_noting(
        &self,
        name: &str,
        client: Options,
        note: impl Fn(&Event) + Send + Sync + 'static,
    ) -> Result<Client, ConnectError> {
        let servers = self.servers()?;
        let mut client = client.peer_inbox_prefixes(self.peer_inbox_prefix.iter().cloned());
        if let Some(prefix) = &self.inbox_prefix {
            client = client.inbox_prefix(prefix.as_str());
        }
        let options = ConnectOptions::new(servers.as_slice())
            .client(client)
            .on_event(note)
            .try_nats(|options| self.options(options, name))?;
        let source = match nats::connect(options).await {
            Ok(client) => return Ok(client),
            Err(nats::ConnectError::Connect(source)) => source,
            Err(error) => return Err(error.into()),
        };
        let servers = shown(&servers);
        Err(match source.kind() {
            ConnectErrorKind::Authentication | ConnectErrorKind::AuthorizationViolation => {
                ConnectError::Refused { servers, source }
            }
            _ if is_tls(&source) => ConnectError::Tls { servers, source },
            _ => ConnectError::Unreachable { servers, source },
        })
    }

    fn options(
        &self,
        options: async_nats::ConnectOptions,
        name: &str,
    ) -> Result<async_nats::ConnectOptions, ConnectError> {
        let name = self.connection_name.as_deref().unwrap_or(name);
        let mut options = options.name(name);
        match (&self.user, &self.password) {
            (Some(user), Some(password)) => {
                options = options.user_and_password(user.clone(), password.clone());
            }
            (Some(token), None) => options = options.token(token.clone()),
            (None, _) => {}
        }
        if let Some(path) = &self.nkey {
            options = options.nkey(seed(path).map_err(file("--nkey", path))?);
        }
        if let Some(path) = &self.creds {
            let creds = std::fs::read_to_string(path).map_err(file("--creds", path))?;
            options = options.credentials(&creds).map_err(file("--creds", path))?;
        }
        // The client opens these while it connects; here the message can name the option.
        for (option, path) in [
            ("--tlscert", &self.tls_cert),
            ("--tlskey", &self.tls_key),
            ("--tlsca", &self.tls_ca),
        ] {
            if let Some(path) = path {
                std::fs::read(path).map_err(file(option, path))?;
            }
        }
        if let Some(path) = &self.tls_ca {
            options = options
                .add_root_certificates(path.clone())
                .require_tls(true);
        }
        if let (Some(cert), Some(key)) = (&self.tls_cert, &self.tls_key) {
            options = options
                .add_client_certificate(cert.clone(), key.clone())
                .require_tls(true);
        }
        if self.tls_first {
            options = options.tls_first();
        }
        Ok(options)
    }

    fn servers(&self) -> Result<Vec<ServerAddr>, ConnectError> {
        let parse = |(nth, url): (usize, &String)| {
            let server = url.trim().parse();
            server.map_err(|_| ConnectError::Url { nth: nth + 1 })
        };
        self.servers.iter().enumerate().map(parse).collect()
    }
}

/// The servers as they may be shown, that is without what their URLs may have of a password.
fn shown(servers: &[ServerAddr]) -> String {
    let shown = |server: &ServerAddr| format!("{}:{}", server.host(), server.port());
    servers.iter().map(shown).collect::<Vec<_>>().join(", ")
}

/// The client calls a certificate that it does not trust an I/O error.
fn is_tls(error: &async_nats::ConnectError) -> bool {
    let source = error.source();
    let io = source.and_then(|source| source.downcast_ref::<io::Error>());
    let payload = io.and_then(io::Error::get_ref);
    let tls = payload.and_then(|payload| payload.downcast_ref::<rustls::Error>());
    tls.is_some() || error.kind() == ConnectErrorKind::Tls
}

fn file(option: &'static str, path: &Path) -> impl FnOnce(io::Error) -> ConnectError {
    move |source| ConnectError::File {
        option,
        path: path.to_owned(),
        source,
    }
}

/// A seed file may have comments around the seed, which is a line that starts with `SU`.
fn seed(path: &Path) -> io::Result<String> {
    let text = std::fs::read_to_string(path)?;
    text.lines()
        .map(str::trim)
        .find(|line| line.starts_with("SU"))
        .map(str::to_owned)
        .ok_or_else(|| {
            let message = "no line is the seed of a user, which starts with `SU`";
            io::Error::new(io::ErrorKind::InvalidData, message)
        })
}

fn inbox_prefix(prefix: &str) -> Result<String, String> {
    wrpc_middleware::Target::new(prefix)
        .map(|prefix| prefix.to_string())
        .map_err(|_| "expected tokens joined by `.`, without blanks, `*` and `>`".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_are_checked_and_not_repeated() {
        let mut args = NatsArgs::at(" localhost".into());
        args.servers.push("nats://u:p@127.0.0.1:4223".into());
        assert_eq!(
            shown(&args.servers().unwrap()),
            "localhost:4222, 127.0.0.1:4223"
        );
        args.servers.push("http://user:secret@host".into());
        let error = args.servers().unwrap_err();
        assert!(error.is_bad_input());
        assert!(error.to_string().ends_with("the 3. is none"), "{error}");
    }

    #[test]
    fn a_seed_is_found_among_comments() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("seed");
        std::fs::write(&path, "# mine\n  SUABC \n").unwrap();
        assert_eq!(seed(&path).unwrap(), "SUABC");
        std::fs::write(&path, "UABC").unwrap();
        assert_eq!(seed(&path).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }
}

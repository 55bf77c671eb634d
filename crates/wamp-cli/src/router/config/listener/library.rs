//! From the configuration of a listener to what the library is told.

use wamp::net::tls::ServerTls;
use wamp::net::{ListenError, ListenLimits, Listener};
use wamp::rawsocket::{self, RawSocketConfig};
use wamp::websocket::{self, WebSocketConfig};
use wamp::{AcceptOptions, Serializer};

use super::{LimitsConfig, ListenerConfig, Transport, UNIX, is_batched};

impl ListenerConfig {
    /// Reads certificate and key, if there are to be any; an error has its place.
    pub(in crate::router) fn server_tls(&self) -> Option<Result<ServerTls, (usize, String)>> {
        let tls = self.tls.as_ref()?;
        let read = ServerTls::from_pem_files(&tls.cert.value, &tls.key);
        Some(match read {
            Ok(server) => Ok(server.min_version(tls.min_version)),
            Err(error) => Err((tls.cert.at, error.to_string())),
        })
    }

    /// Listens. Nobody is accepted yet.
    pub(in crate::router) async fn bind(&self) -> Result<Listener, ListenError> {
        #[cfg(unix)]
        if let (Some(path), Some(mode)) = (self.address.value.strip_prefix(UNIX), self.mode) {
            let options = wamp::net::UnixOptions::default().mode(mode);
            return Listener::bind_unix(path, &options).await;
        }
        Listener::bind(&*self.address.value).await
    }

    pub(in crate::router) fn options(&self) -> AcceptOptions {
        let mut options = AcceptOptions::default();
        options.websocket = self
            .speaks(Transport::WebSocket)
            .then(|| self.websocket_options());
        options.rawsocket = self
            .speaks(Transport::RawSocket)
            .then(|| self.rawsocket_options());
        options
    }

    fn websocket_options(&self) -> websocket::AcceptOptions {
        let part = &self.websocket;
        let config = WebSocketConfig::default()
            .max_message_size(self.max_message_size)
            .max_frame_size(part.max_frame_size.unwrap_or(self.max_message_size))
            .read_buffer_size(part.read_buffer_size)
            .write_buffer_size(part.write_buffer_size)
            .ping_interval(self.ping_interval)
            .pong_timeout(self.pong_timeout)
            .close_timeout(self.close_timeout);
        let mut options = websocket::AcceptOptions::default()
            .serializers(
                self.serializers
                    .iter()
                    .filter_map(|name| Serializer::from_name(name)),
            )
            .handshake_timeout(self.limits.handshake_timeout)
            .config(config);
        options.path.clone_from(&self.path);
        options.origins.clone_from(&self.origins);
        options.fallback = self
            .fallback_serializer
            .as_deref()
            .and_then(Serializer::from_name);
        options
    }

    fn rawsocket_options(&self) -> rawsocket::AcceptOptions {
        let part = &self.rawsocket;
        let config = RawSocketConfig::default()
            .max_message_size(self.max_message_size)
            .write_buffer_size(part.write_buffer_size)
            .ping_interval(self.ping_interval)
            .pong_timeout(self.pong_timeout)
            .close_timeout(self.close_timeout)
            .ping_unknown(part.ping_unknown)
            .extended_length(part.extended_length);
        let unbatched = self.serializers.iter().filter(|name| !is_batched(name));
        rawsocket::AcceptOptions::default()
            .serializers(unbatched.filter_map(|name| Serializer::from_name(name)))
            .min_peer_message_size(part.min_peer_message_size)
            .handshake_timeout(self.limits.handshake_timeout)
            .config(config)
    }
}

impl LimitsConfig {
    pub(in crate::router) fn to_limits(&self) -> ListenLimits {
        let limits = ListenLimits::default()
            .connections(self.connections)
            .handshakes(self.handshakes)
            .handshake_timeout(self.handshake_timeout);
        match self.rate {
            Some(rate) => limits.rate(rate),
            None => limits,
        }
    }
}

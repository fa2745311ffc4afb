//! What those who run the process see of it.

use std::net::SocketAddr;

use http::Uri;
use serde::Deserialize;

use super::BadConfig;

/// Where metrics, spans and lines go.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Operations {
    /// Where `/metrics`, `/livez` and `/readyz` are served; nowhere when it is absent.
    pub listen: Option<SocketAddr>,
    /// The collector that gets spans, lines and metrics by OTLP over gRPC, as
    /// `http://127.0.0.1:4317`; none when it is absent.
    pub otlp: Option<String>,
    /// So many traces begin in a second, whatever clients ask for.
    pub traces_per_second: u32,
}

impl Default for Operations {
    fn default() -> Self {
        Self { listen: None, otlp: None, traces_per_second: 10 }
    }
}

impl Operations {
    /// Checks that they hold.
    ///
    /// # Errors
    /// [`BadConfig::Collector`] when the collector's address is none.
    pub(super) fn check(&self) -> Result<(), BadConfig> {
        let Some(otlp) = &self.otlp else { return Ok(()) };
        let whole = otlp.parse::<Uri>().is_ok_and(|uri| {
            let plain = uri.scheme_str() == Some("http") && uri.port_u16().is_some();
            plain && matches!(uri.path(), "" | "/") && uri.query().is_none()
        });
        if whole { Ok(()) } else { Err(BadConfig::Collector(otlp.clone())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_collector_has_a_plain_address() {
        let holds = |otlp: &str| {
            let otlp = Some(otlp.to_owned());
            Operations { otlp, ..Operations::default() }.check().is_ok()
        };
        assert!(holds("http://127.0.0.1:4317") && holds("http://collector:4317/"));
        for bad in ["127.0.0.1:4317", "https://collector:4317", "http://collector", "http://a:1/v1"]
        {
            assert!(!holds(bad), "{bad}");
        }
        let refused = toml::from_str::<Operations>("liste = 1").unwrap_err().to_string();
        assert!(refused.contains("liste"), "{refused}");
    }
}

//! What may be sent by whom, to whom.

use samsyn_domain::{
    DomainId, FunctionId,
    message::{Core, MessageKind},
    registry::{Function, Registry, Service},
};

use super::{ADDRESS_RULE, FUNCTION_RULE};
use crate::{Denial, Policy, Why, cedar::Attribute, permit::principal, reader::on_ground};

/// Who a message would be given to: a function here, or a peer.
struct Addressee {
    ceiling: u8,
    kinds: Vec<&'static str>,
    orgnrs: Vec<String>,
}

impl Addressee {
    fn attributes(&self) -> Vec<(&'static str, Attribute)> {
        vec![
            ("ceiling", Attribute::Number(self.ceiling.into())),
            ("kinds", Attribute::set(&self.kinds)),
            ("orgnrs", Attribute::set(&self.orgnrs)),
        ]
    }

    /// A function of this domain takes any kind, up to what its organisation is cleared for.
    fn here(registry: &Registry, function: &Function) -> Option<Self> {
        let organisation = registry.organisation(&function.organisation)?;
        Some(Self {
            ceiling: organisation.clearance,
            kinds: MessageKind::ALL.iter().map(|kind| kind.as_str()).collect(),
            orgnrs: vec![organisation.orgnr.clone()],
        })
    }

    fn at(registry: &Registry, peer: &DomainId) -> Option<Self> {
        let peer = registry.peer(peer)?;
        Some(Self {
            ceiling: peer.ceiling,
            kinds: peer.message_kinds.iter().map(|kind| kind.as_str()).collect(),
            orgnrs: peer.organisations.iter().map(|of| of.orgnr.clone()).collect(),
        })
    }
}

impl Policy {
    /// Whether a service sends this message: for its own function, on a registered ground, to whom
    /// may have it.
    pub(crate) fn sends(
        &self,
        registry: &Registry,
        service: &Service,
        core: &Core,
    ) -> Result<(), Denial> {
        self.speaks_for(registry, service, "send_message", &core.from, "from_function")?;
        on_ground(registry.lists(), &core.ground, "ground")?;
        for (place, to) in core.to.iter().enumerate() {
            self.reaches(registry, core, to)
                .map_err(|denial| denial.at(format!("to_functions[{place}]")))?;
        }
        Ok(())
    }

    /// Whether a service acts for a function. Whose it is not is answered like what is not there.
    pub(crate) fn speaks_for(
        &self,
        registry: &Registry,
        service: &Service,
        action: &str,
        function: &FunctionId,
        field: &str,
    ) -> Result<(), Denial> {
        let missing = || Denial::of(Why::NotFound).at(field);
        let found = registry.function(function).ok_or_else(missing)?;
        let resource = (
            "Function",
            function.as_str(),
            vec![
                ("organisation", Attribute::text(&found.organisation)),
                ("services", Attribute::set(&found.services)),
            ],
        );
        let context = vec![("service", Attribute::text(&service.id))];
        let verdict = self.ask(principal(service), action, resource, context)?;
        if verdict.allowed { Ok(()) } else { Err(missing().by(FUNCTION_RULE)) }
    }

    /// Whether a message may be given to a function, here or at a peer. An address that nobody has
    /// is for the domain to refuse.
    pub(crate) fn reaches(
        &self,
        registry: &Registry,
        core: &Core,
        to: &FunctionId,
    ) -> Result<(), Denial> {
        let addressee = match (registry.function(to), registry.peer_of(to.orgnr())) {
            (Some(function), _) => Addressee::here(registry, function),
            (None, Some(peer)) => Addressee::at(registry, &peer.id),
            (None, None) => return Ok(()),
        };
        let Some(addressee) = addressee else { return Err(Denial::of(Why::NotFound)) };
        let letter = vec![
            ("level", Attribute::Number(core.labels.level.level().into())),
            ("kind", Attribute::text(&core.kind.as_str())),
            ("orgnr", Attribute::text(&to.orgnr())),
        ];
        let who = ("Addressee", "addressee", addressee.attributes());
        let verdict = self.ask(who, "address", ("Letter", "letter", letter), Vec::new())?;
        if verdict.allowed {
            return Ok(());
        }
        // Cedar has decided; this only says what would have to change.
        Err(Denial::of(if core.labels.level.level() > addressee.ceiling {
            Why::AboveCeiling
        } else {
            Why::NotAllowed
        })
        .by(ADDRESS_RULE))
    }
}

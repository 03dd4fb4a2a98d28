//! What templates see, and one file of the manifest filled in from it.

use minijinja::{Environment, Value, context, value::Serde};

use super::{Secrets, engine, engine::explain, fault, manifest::File, secrets};
use crate::{
    failure::Failure,
    plan::{HostKind, KernelSysctl, Plan},
    profile,
    scs::Definition,
};

/// The plan and the secrets as templates see them, and the engine.
pub(super) struct Context {
    engine: Environment<'static>,
    values: Value,
}

impl Context {
    pub(super) fn new(plan: &Plan, secrets: &Secrets) -> Self {
        let fields = Value::from(Serde(plan));
        let sysctls = Value::from(Serde(settable(plan).collect::<Vec<_>>()));
        let (secrets, secret_names) = secrets::values(plan, secrets);
        let flavors: Vec<Definition> = profile::flavors().mandatory.iter().map(Into::into).collect();
        let flavors = Value::from(Serde(flavors));
        let images = Value::from(Serde(profile::images()));
        let values =
            context! { plan => fields.clone(), sysctls, secrets, secret_names, flavors, images, ..fields };
        Self { engine: engine::engine(), values }
    }

    /// The same with each value that a file is made for in turn.
    pub(super) fn items(&self, file: &File) -> Result<Vec<Self>, Failure> {
        let own = |values: Value| Self { engine: self.engine.clone(), values };
        let Some(each) = &file.each else { return Ok(vec![own(self.values.clone())]) };
        let told = |error| fault(format!("templates/manifest.yaml: each: {each}: {error}"));
        let list = self.engine.compile_expression(each).and_then(|each| each.eval(&self.values));
        let list =
            list.and_then(|list| list.try_iter().map(|items| items.collect::<Vec<_>>())).map_err(told)?;
        Ok(list.into_iter().map(|item| own(context! { item, ..self.values.clone() })).collect())
    }

    /// Where a file goes: an absolute path in its plainest spelling.
    pub(super) fn path(&self, file: &File) -> Result<String, Failure> {
        let told = |why: &str| fault(format!("templates/manifest.yaml: {}: {why}", file.path));
        let filled = self.engine.render_str(&file.path, &self.values);
        let path = filled.map_err(|error| told(&error.to_string()))?;
        let parts = path.strip_prefix('/').map(|rest| rest.split('/').collect::<Vec<_>>());
        let good = |part: &&str| !matches!(*part, "" | "." | "..") && !part.chars().any(char::is_control);
        match parts {
            Some(parts) if parts.iter().all(good) => Ok(path),
            _ => Err(told("this is no absolute path without `.`, `..` and empty parts")),
        }
    }

    /// Whether the plan asks for a file.
    pub(super) fn wanted(&self, file: &File) -> Result<bool, Failure> {
        let Some(when) = &file.when else { return Ok(true) };
        let answer = self.engine.compile_expression(when).and_then(|when| when.eval(&self.values));
        let told = |error| fault(format!("templates/manifest.yaml: when: {when}: {error}"));
        answer.map(|answer| answer.is_true()).map_err(told)
    }

    /// The text of a file.
    pub(super) fn text(&self, file: &File) -> Result<String, Failure> {
        let name = file.template();
        let filled = self.engine.render_named_str(&name, engine::source(&name)?, &self.values);
        filled.map_err(|error| explain(&name, &error))
    }
}

/// The kernel parameters that can be set on this kind of host: a container's kernel is its host's, and only what
/// belongs to its own network is its own.
pub(crate) fn settable(plan: &Plan) -> impl Iterator<Item = &KernelSysctl> {
    let container = plan.os.kind == HostKind::Container;
    let own = |key: &str| {
        key.starts_with("net.ipv4.") || key.starts_with("net.ipv6.") || key.starts_with("net.bridge.")
    };
    plan.kernel.sysctls.iter().filter(move |sysctl| !container || own(sysctl.key.as_str()))
}

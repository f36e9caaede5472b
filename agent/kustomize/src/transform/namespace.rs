//! `namespace`.

use muster_model::{Node, Problem, Reason, Value};

use crate::failure::{Step, failed};
use crate::field_spec::{Create, FieldSpec};
use crate::id::{Gvk, field_text};
use crate::resmap::ResMap;
use crate::resource::Resource;

/// Objects with this annotation are Helm's, which set their namespace.
const HELM_GENERATED: &str = "internal.config.kubernetes.io/helm-generated";

/// Which subjects of role bindings get the namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Subjects {
    /// Those named `default`.
    #[default]
    DefaultOnly,
    /// Every ServiceAccount.
    AllServiceAccounts,
    /// None.
    None,
}

/// Whether namespaces that are there already are replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Overwrite {
    /// They are.
    #[default]
    All,
    /// They stay.
    UnsetOnly,
}

/// A namespace to set.
#[derive(Debug, Clone, Default)]
pub(crate) struct Namespace {
    pub(crate) name: String,
    pub(crate) fields: Vec<FieldSpec>,
    pub(crate) subjects: Subjects,
    pub(crate) overwrite: Overwrite,
}

impl Subjects {
    /// Reads the option.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "" | "defaultOnly" => Some(Self::DefaultOnly),
            "allServiceAccounts" => Some(Self::AllServiceAccounts),
            "none" => Some(Self::None),
            _ => None,
        }
    }
}

impl Namespace {
    /// Sets the namespace of every namespaced object and of what refers to one.
    pub(crate) fn transform(&self, map: &mut ResMap) -> Step<()> {
        if self.name.is_empty() {
            return Ok(());
        }
        for resource in map.list_mut().iter_mut().filter(|r| !r.is_empty()) {
            if resource.text_of("annotations", HELM_GENERATED).as_deref() == Some("true") {
                continue;
            }
            resource.store_previous_id();
            self.set_in(resource)
                .map_err(|stop| super::prefix::on(stop, resource.file.as_deref()))?;
        }
        map.check_unique().map_err(|stop| match stop {
            crate::failure::Stop::Missing => stop,
            crate::failure::Stop::Refused(problem) => Problem {
                message: format!(
                    "namespace transformation produces ID conflict: {}",
                    problem.message
                ),
                ..*problem
            }
            .into(),
        })
    }

    /// Sets the namespace of one object and of what it refers to.
    pub(crate) fn set_in(&self, resource: &mut Resource) -> Step<()> {
        let gvk = Gvk::of(&resource.node).into_owned();
        let node = &mut resource.node;
        if !gvk.is_cluster_scoped() {
            let field = FieldSpec::new(Gvk::default(), "metadata/namespace", true);
            field.visit(node, Create::Scalar, &mut |n| self.set(n))?;
        }
        let binding = matches!(&*gvk.kind, "RoleBinding" | "ClusterRoleBinding");
        if binding {
            self.set_subjects(node)?;
        }
        let is_v1 = field_text(node, "apiVersion") == "v1";
        for field in self.fields.iter().filter(|f| f.applies_to(&gvk)) {
            let handled = field.path == "metadata/namespace"
                || (field.path == "metadata/name" && !is_v1)
                || (field.path == "subjects/namespace"
                    && matches!(&*field.gvk.kind, "RoleBinding" | "ClusterRoleBinding")
                    && binding);
            if !handled {
                field.visit(node, Create::Scalar, &mut |n| self.set(n))?;
            }
        }
        Ok(())
    }

    fn set(&self, node: &mut Node) -> Step<()> {
        if matches!(node.value, Value::Map(_) | Value::List(_)) {
            let mut problem = failed(format!(
                "namespace field specs must target scalars, found {}",
                node.shape()
            ));
            problem.reason = Reason::InvalidField;
            return Err(problem.into());
        }
        let keep = match self.overwrite {
            Overwrite::All => false,
            Overwrite::UnsetOnly => node.raw_scalar().is_some_and(|t| !t.is_empty()),
        };
        if !keep {
            node.value = Node::string(&*self.name).value;
        }
        Ok(())
    }

    fn set_subjects(&self, node: &mut Node) -> Step<()> {
        let (field, wanted) = match self.subjects {
            Subjects::None => return Ok(()),
            Subjects::DefaultOnly => ("name", "default"),
            Subjects::AllServiceAccounts => ("kind", "ServiceAccount"),
        };
        let Some(subjects) = node
            .as_map_mut()
            .and_then(|m| m.get_mut("subjects"))
            .filter(|n| !n.is_null())
        else {
            return Ok(());
        };
        let Some(items) = subjects.as_list_mut() else {
            return Err(failed("subjects of a role binding is no list")
                .field("subjects")
                .into());
        };
        for item in items {
            if field_text(item, field) == wanted
                && let Some(map) = item.as_map_mut()
            {
                self.set(map.get_or_insert_with("namespace", Node::null))?;
            }
        }
        Ok(())
    }
}

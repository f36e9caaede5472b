//! The IAMPolicyGenerator: a ServiceAccount bound to a cloud account.

use muster_model::{Node, Reason};

use crate::failure::{Step, failed};
use crate::record::{Place, Record, Unknown};
use crate::resource::Resource;

/// Generates the object from the generator's configuration.
pub(crate) fn generate(config: &Node, place: Place) -> Step<Resource> {
    let record = Record::read(
        config,
        place,
        &["cloud", "kubernetesService", "serviceAccount"],
        Unknown::Ignore,
    )?;
    let cloud = record.text("cloud")?;
    if cloud != "gke" {
        let mut problem =
            failed(format!("cloud provider {cloud} not supported yet")).field("cloud");
        problem.reason = Reason::NotSupported;
        return Err(problem.into());
    }
    let empty = Node::default();
    let part = |name: &'static str, known: &[&'static str]| {
        Record::read(
            record.get(name).unwrap_or(&empty),
            record.at(name),
            known,
            Unknown::Ignore,
        )
    };
    let service = part("kubernetesService", &["name", "namespace"])?;
    let account = part("serviceAccount", &["name", "projectId"])?;
    let email = format!(
        "{}@{}.iam.gserviceaccount.com",
        account.text("name")?,
        account.text("projectId")?
    );
    let mut node = Node::map(
        [
            ("apiVersion", Node::string("v1")),
            ("kind", Node::string("ServiceAccount")),
        ]
        .into_iter()
        .collect(),
    );
    let metadata = crate::resource::child_map(&mut node, "metadata");
    metadata.insert(
        "annotations",
        Node::map(
            [("iam.gke.io/gcp-service-account", Node::string(email))]
                .into_iter()
                .collect(),
        ),
    );
    metadata.insert("name", crate::scalars::plain(&service.text("name")?));
    let namespace = service.text("namespace")?;
    if !namespace.is_empty() {
        metadata.insert("namespace", crate::scalars::plain(&namespace));
    }
    Ok(Resource::new(node))
}

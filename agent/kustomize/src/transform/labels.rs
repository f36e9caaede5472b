//! `labels` and `commonLabels`.

use crate::config::Config;
use crate::failure::Step;
use crate::field_spec::{FieldSpec, merge};
use crate::id::Gvk;
use crate::kustomization::Label;

/// The fields one entry of `labels` sets.
pub(crate) fn fields_of(label: &Label, config: &Config) -> Step<Vec<FieldSpec>> {
    let mut fields = label.fields.clone();
    merge(&mut fields, &config.labels)?;
    if label.include_selectors {
        merge(&mut fields, &config.common_labels)?;
        return Ok(fields);
    }
    if label.include_templates {
        merge(&mut fields, &config.template_labels)?;
    }
    merge(
        &mut fields,
        &[FieldSpec::new(Gvk::default(), "metadata/labels", true)],
    )?;
    Ok(fields)
}

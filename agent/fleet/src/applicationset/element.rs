//! One Application of a set: its parameters and the template they go into.

use gotmpl::Value;
use muster_model::{Node, Reason};

use super::ApplicationSet;
use crate::application::Definition;
use crate::decode::Decoder;
use crate::failure::Failure;
use crate::generator::{Generated, fill_template};
use crate::params::{self, Params};
use crate::template::Renderer;
use crate::template_patch;

/// One set of parameters and the template they go into.
#[derive(Debug)]
pub struct Element<'a> {
    set: &'a ApplicationSet,
    template: &'a Node,
    params: Option<Value>,
}

impl<'a> Element<'a> {
    /// The parameters with the template of the set, or of the generator that gave them.
    #[must_use]
    pub fn new(set: &'a ApplicationSet, template: &'a Node, params: Params) -> Self {
        Self {
            set,
            template,
            // Without parameters a template stays as it is, as in Argo CD.
            params: (!params.is_empty()).then(|| params::map(params)),
        }
    }

    /// The set it belongs to.
    #[must_use]
    pub fn set(&self) -> &'a ApplicationSet {
        self.set
    }

    /// The whole Application, patched.
    ///
    /// # Errors
    /// When a template cannot be executed, or the patch cannot be applied.
    pub fn whole(&self, renderer: &mut Renderer) -> Result<Node, Failure> {
        let application = self.render(renderer, self.template)?;
        let Some(patch) = &self.set.template_patch else {
            return Ok(application);
        };
        let empty = params::map(Params::new());
        let params = self.params.as_ref().unwrap_or(&empty);
        let patch = renderer.text(self.set.language, patch, params)?;
        template_patch::apply(&application, &patch)
    }

    /// The name and the destination.
    pub(crate) fn head(&self, renderer: &mut Renderer) -> Result<(String, Option<Node>), Failure> {
        let part = |path: &[&str]| self.template.at_path(path);
        let name = match part(&["metadata", "name"]) {
            Some(node) => self.render(renderer, node)?,
            None => Node::null(),
        };
        let destination = match part(&["spec", "destination"]) {
            Some(node) => Some(self.render(renderer, node)?),
            None => None,
        };
        Ok((name.as_str().unwrap_or_default().to_owned(), destination))
    }

    fn render(&self, renderer: &mut Renderer, node: &Node) -> Result<Node, Failure> {
        match &self.params {
            Some(params) => Ok(renderer.deep(self.set.language, node, params)?),
            None => Ok(node.clone()),
        }
    }
}

impl ApplicationSet {
    /// The template of generated parameters: the generator's own, completed with the set's.
    #[must_use]
    pub fn template_for(&self, generated: &Generated<'_>) -> Node {
        match &generated.template {
            Some(own) => fill_template(own, &self.template),
            None => self.template.clone(),
        }
    }

    /// Refuses a rendered Application whose fields are not what they have to be.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn check(&self, whole: &Node) -> Result<(), Failure> {
        self.definition(whole).map(drop)
    }

    /// Reads a rendered Application.
    pub(crate) fn definition(&self, whole: &Node) -> Result<Definition, Failure> {
        let mut decoder = Decoder::new(&*self.origin.file, Reason::InvalidField);
        let fields = decoder.fields(whole, "spec.template");
        let mut definition = Definition::read(&mut decoder, whole, fields, "spec.template");
        definition.origin = self.origin.clone();
        decoder.refuse_all()?;
        Ok(definition)
    }
}

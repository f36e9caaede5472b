// Command oracle evaluates ApplicationSets with Argo CD's own code, for comparison with our own evaluation.
//
// Each line of stdin is a JSON object: `set` (an ApplicationSet as YAML), `clusters` (what their Secrets say) and `files`
// (text by path, the repository that Git generators read). Each line of stdout answers one: for every entry of
// `generators` either `error`, or `results`, one for each kind of the entry, with the generated parameters and, beside
// each set of them, the Application or the error it comes to. Only Argo CD's code decides what is generated and rendered.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/argoproj/argo-cd/v3/applicationset/controllers/template"
	"github.com/argoproj/argo-cd/v3/applicationset/generators"
	"github.com/argoproj/argo-cd/v3/applicationset/utils"
	"github.com/argoproj/argo-cd/v3/common"
	"github.com/argoproj/argo-cd/v3/pkg/apis/application/v1alpha1"
	"github.com/argoproj/argo-cd/v3/util/git"
	log "github.com/sirupsen/logrus"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/yaml"
)

// Where Argo CD runs.
const namespace = "argocd"

type request struct {
	Set      string            `json:"set"`
	Clusters []cluster         `json:"clusters"`
	Files    map[string]string `json:"files"`
}

type cluster struct {
	Name        string            `json:"name"`
	Server      string            `json:"server"`
	Project     *string           `json:"project"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
}

type answer struct {
	// Why the set cannot be read at all.
	Error   string  `json:"error,omitempty"`
	Entries []entry `json:"entries"`
}

type entry struct {
	Error   string   `json:"error,omitempty"`
	Results []result `json:"results"`
}

type result struct {
	Params       []map[string]any `json:"params"`
	Applications []rendered       `json:"applications"`
}

type rendered struct {
	Error       string       `json:"error,omitempty"`
	Application *application `json:"application,omitempty"`
}

type application struct {
	Metadata metav1.ObjectMeta        `json:"metadata"`
	Spec     v1alpha1.ApplicationSpec `json:"spec"`
}

func main() {
	log.SetOutput(io.Discard)
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := bufio.NewWriter(os.Stdout)
	for {
		line, err := in.ReadBytes('\n')
		if len(bytes.TrimSpace(line)) > 0 {
			encoder := json.NewEncoder(out)
			encoder.SetEscapeHTML(false)
			if err := encoder.Encode(answerTo(line)); err != nil {
				panic(err)
			}
			if err := out.Flush(); err != nil {
				panic(err)
			}
		}
		if err != nil {
			return
		}
	}
}

func answerTo(line []byte) answer {
	var asked request
	if err := json.Unmarshal(line, &asked); err != nil {
		return answer{Error: "oracle: " + err.Error()}
	}
	var set v1alpha1.ApplicationSet
	if err := yaml.Unmarshal([]byte(asked.Set), &set); err != nil {
		return answer{Error: err.Error()}
	}
	set.Namespace = namespace
	// The API server gives a set that was just made the fields it lacks; none of them matters here.
	repository := &repository{files: asked.Files}
	defer repository.remove()
	cluster := objects(asked.Clusters)
	all := kinds(cluster, repository)
	found := answer{Entries: []entry{}}
	for _, generator := range set.Spec.Generators {
		found.Entries = append(found.Entries, evaluate(set, generator, all, cluster))
	}
	return found
}

// The objects that Argo CD asks an API server for: a Secret for each cluster, and two projects.
func objects(clusters []cluster) client.Client {
	scheme := runtime.NewScheme()
	must(corev1.AddToScheme(scheme))
	must(v1alpha1.AddToScheme(scheme))
	builder := fake.NewClientBuilder().WithScheme(scheme)
	for index, one := range clusters {
		labels := map[string]string{common.LabelKeySecretType: common.LabelValueSecretTypeCluster}
		for key, value := range one.Labels {
			labels[key] = value
		}
		data := map[string][]byte{"name": []byte(one.Name), "server": []byte(one.Server)}
		if one.Project != nil {
			data["project"] = []byte(*one.Project)
		}
		builder = builder.WithObjects(&corev1.Secret{
			ObjectMeta: metav1.ObjectMeta{
				Name: "cluster-" + strconv.Itoa(index), Namespace: namespace,
				Labels: labels, Annotations: one.Annotations,
			},
			Data: data,
		})
	}
	for _, name := range []string{"default", "team"} {
		builder = builder.WithObjects(&v1alpha1.AppProject{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: namespace}})
	}
	return builder.Build()
}

// The generators that need nothing but clusters and Git, nested as Argo CD nests them.
func kinds(cluster client.Client, repository *repository) map[string]generators.Generator {
	terminal := map[string]generators.Generator{
		"List":     generators.NewListGenerator(),
		"Clusters": generators.NewClusterGenerator(cluster, namespace),
		"Git":      generators.NewGitGenerator(repository, namespace),
	}
	within := func(children map[string]generators.Generator) map[string]generators.Generator {
		all := map[string]generators.Generator{
			"Matrix": generators.NewMatrixGenerator(children),
			"Merge":  generators.NewMergeGenerator(children),
		}
		for name, generator := range terminal {
			all[name] = generator
		}
		return all
	}
	return within(within(terminal))
}

func evaluate(
	set v1alpha1.ApplicationSet,
	generator v1alpha1.ApplicationSetGenerator,
	all map[string]generators.Generator,
	cluster client.Client,
) (found entry) {
	defer func() {
		if r := recover(); r != nil {
			found = entry{Error: fmt.Sprintf("panic: %v", r)}
		}
	}()
	results, err := generators.Transform(generator, all, set.Spec.Template, &set, map[string]any{}, cluster)
	if err != nil {
		return entry{Error: err.Error()}
	}
	found.Results = []result{}
	for _, one := range results {
		made := result{Params: []map[string]any{}, Applications: []rendered{}}
		for _, params := range one.Params {
			made.Params = append(made.Params, printable(params))
			made.Applications = append(made.Applications, render(set, one.Template, params, cluster))
		}
		found.Results = append(found.Results, made)
	}
	return found
}

// Parameters as JSON shows them at this moment: rendering may change them in place.
func printable(params map[string]any) map[string]any {
	text, err := json.Marshal(params)
	must(err)
	copied := map[string]any{}
	must(json.Unmarshal(text, &copied))
	return copied
}

// One Application, as the controller makes it of one set of parameters.
func render(
	set v1alpha1.ApplicationSet,
	tmpl v1alpha1.ApplicationSetTemplate,
	params map[string]any,
	cluster client.Client,
) (made rendered) {
	defer func() {
		if r := recover(); r != nil {
			made = rendered{Error: fmt.Sprintf("panic: %v", r)}
		}
	}()
	set.Spec.Template = tmpl
	set.Spec.Generators = []v1alpha1.ApplicationSetGenerator{{List: &v1alpha1.ListGenerator{}}}
	given := map[string]generators.Generator{"List": only{params}}
	made1, _, err := template.GenerateApplications(log.NewEntry(log.StandardLogger()), set, given, &utils.Render{}, cluster)
	switch {
	case err != nil:
		return rendered{Error: err.Error()}
	case len(made1) != 1:
		return rendered{Error: fmt.Sprintf("oracle: %d Applications", len(made1))}
	}
	return rendered{Application: &application{Metadata: made1[0].ObjectMeta, Spec: made1[0].Spec}}
}

// A generator of one set of parameters.
type only struct{ params map[string]any }

func (o only) GenerateParams(*v1alpha1.ApplicationSetGenerator, *v1alpha1.ApplicationSet, client.Client) ([]map[string]any, error) {
	return []map[string]any{o.params}, nil
}

func (only) GetRequeueAfter(*v1alpha1.ApplicationSetGenerator) time.Duration { return 0 }

func (only) GetTemplate(*v1alpha1.ApplicationSetGenerator) *v1alpha1.ApplicationSetTemplate {
	return &v1alpha1.ApplicationSetTemplate{}
}

// A repository on disk, made when a generator first reads it, and listed as Argo CD's repository server lists it.
type repository struct {
	files map[string]string
	root  string
}

func (r *repository) checkOut() error {
	if r.root != "" {
		return nil
	}
	root, err := os.MkdirTemp("", "muster-oracle-")
	if err != nil {
		return err
	}
	r.root = root
	for path, text := range r.files {
		path = filepath.Join(root, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func (r *repository) remove() {
	if r.root != "" {
		_ = os.RemoveAll(r.root)
	}
}

func (r *repository) GetDirectories(context.Context, string, string, string, bool, *v1alpha1.SourceIntegrity) ([]string, error) {
	if err := r.checkOut(); err != nil {
		return nil, err
	}
	paths := []string{}
	err := filepath.WalkDir(r.root, func(path string, found os.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path == r.root || !found.IsDir():
			return nil
		case strings.HasPrefix(found.Name(), "."):
			return filepath.SkipDir
		}
		relative, err := filepath.Rel(r.root, path)
		paths = append(paths, relative)
		return err
	})
	return paths, err
}

func (r *repository) GetFiles(_ context.Context, url, _, _, pattern string, _ bool, _ *v1alpha1.SourceIntegrity) (map[string][]byte, error) {
	if err := r.index(); err != nil {
		return nil, err
	}
	if pattern == "" {
		pattern = "."
	}
	lister, err := git.NewClientExt(url, r.root, git.NopCreds{}, false, false, "", "")
	if err != nil {
		return nil, err
	}
	paths, err := lister.LsFiles(pattern, false)
	if err != nil {
		return nil, err
	}
	contents := map[string][]byte{}
	for _, path := range paths {
		text, ok := r.files[path]
		if !ok {
			return nil, fmt.Errorf("oracle: %q is no file of the case", path)
		}
		contents[path] = []byte(text)
	}
	return contents, nil
}

// Files are listed as Git has them.
func (r *repository) index() error {
	if err := r.checkOut(); err != nil {
		return err
	}
	if _, err := os.Stat(filepath.Join(r.root, ".git")); err == nil {
		return nil
	}
	for _, arguments := range [][]string{{"init", "-q"}, {"add", "-A"}} {
		command := exec.Command("git", arguments...)
		command.Dir = r.root
		command.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_SYSTEM=/dev/null")
		if said, err := command.CombinedOutput(); err != nil {
			return errors.Join(err, errors.New(string(said)))
		}
	}
	return nil
}

func must(err error) {
	if err != nil {
		panic(err)
	}
}

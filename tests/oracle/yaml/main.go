// Command oracle reads YAML the way kustomize does and prints what it found, for comparison with our own reader.
//
//	oracle read            stdin holds texts separated by a NUL byte; one line of answers for each
//	oracle build           the same, by way of the YAML that kustomize keeps its nodes in between
//	oracle print           stdin holds one JSON value per line; YAML for each, followed by a NUL byte
//
// An answer is `ok` and one compact JSON value per document, or `error` and the reason.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"sigs.k8s.io/kustomize/kyaml/kio"
	kyaml "sigs.k8s.io/kustomize/kyaml/yaml"
	"sigs.k8s.io/yaml"
)

func main() {
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	if len(os.Args) > 1 && os.Args[1] == "print" {
		printAll(out)
		return
	}
	toJSON := direct
	if len(os.Args) > 1 && os.Args[1] == "build" {
		toJSON = (*kyaml.RNode).MarshalJSON
	}
	input, err := io.ReadAll(os.Stdin)
	if err != nil {
		panic(err)
	}
	for _, text := range bytes.Split(input, []byte{0}) {
		values, err := read(text, toJSON)
		out.Flush()
		if err != nil {
			fmt.Fprintf(out, "error %s\n", oneLine(err))
			continue
		}
		fmt.Fprintf(out, "ok %s\n", strings.Join(values, " "))
	}
}

func oneLine(err error) string {
	text := strings.ReplaceAll(err.Error(), "\n", " ")
	return text[:min(len(text), 200)]
}

// direct makes JSON of a node as it was read.
func direct(node *kyaml.RNode) ([]byte, error) {
	var value map[string]any
	if node.YNode().Kind == kyaml.SequenceNode {
		var list []any
		if err := node.YNode().Decode(&list); err != nil {
			return nil, err
		}
		return json.Marshal(list)
	}
	if err := node.YNode().Decode(&value); err != nil {
		return nil, err
	}
	return json.Marshal(value)
}

// read goes the way of a resource into `kustomize build`.
func read(text []byte, toJSON func(*kyaml.RNode) ([]byte, error)) (values []string, err error) {
	defer func() {
		if found := recover(); found != nil {
			err = fmt.Errorf("panic: %v", found)
		}
	}()
	reader := kio.ByteReader{OmitReaderAnnotations: true, Reader: bytes.NewReader(text)}
	nodes, err := reader.Read()
	if err != nil {
		return nil, err
	}
	for _, node := range nodes {
		if containsItself(node.YNode(), map[*kyaml.Node]bool{}) {
			return nil, fmt.Errorf("an anchor contains itself; kustomize would overflow its stack")
		}
		if err := node.DeAnchor(); err != nil {
			return nil, err
		}
		marshalled, err := toJSON(node)
		if err != nil {
			return nil, err
		}
		var compact bytes.Buffer
		if err := json.Compact(&compact, marshalled); err != nil {
			return nil, err
		}
		values = append(values, compact.String())
	}
	return values, nil
}

func containsItself(node *kyaml.Node, open map[*kyaml.Node]bool) bool {
	if node == nil {
		return false
	}
	if open[node] {
		return true
	}
	open[node] = true
	defer delete(open, node)
	if containsItself(node.Alias, open) {
		return true
	}
	for _, child := range node.Content {
		if containsItself(child, open) {
			return true
		}
	}
	return false
}

func printAll(out *bufio.Writer) {
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(make([]byte, 1<<20), 1<<28)
	for lines.Scan() {
		text, err := yaml.JSONToYAML(lines.Bytes())
		if err != nil {
			fmt.Fprintf(out, "error %s", oneLine(err))
		} else {
			out.Write(text)
		}
		out.WriteByte(0)
	}
}

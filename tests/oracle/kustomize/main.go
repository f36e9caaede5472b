// Command oracle runs `kustomize build` over many trees in one process, for comparison with our own engine.
//
// Each line of stdin is a JSON object: `files` (text by path, from the root of a file system of its own) and `args`
// (the arguments of `kustomize build`). Each line of stdout answers one: `ok`, `stdout`, `error`, and in `written` the
// files that the command made. Nothing but kustomize's own command decides what happens.
package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"sigs.k8s.io/kustomize/kustomize/v5/commands/build"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/kustomize/kyaml/openapi"
)

type request struct {
	Files map[string]string `json:"files"`
	Args  []string          `json:"args"`
}

type answer struct {
	OK      bool              `json:"ok"`
	Stdout  string            `json:"stdout"`
	Error   string            `json:"error,omitempty"`
	Written map[string]string `json:"written,omitempty"`
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
	// kustomize keeps schemas in a global: what one tree sets must not be there for the next. Parsing the built-in
	// schema takes 0.1 s, so it is forgotten only where a tree may have changed it.
	if setsSchema(asked.Files) {
		openapi.ResetOpenAPI()
		defer openapi.ResetOpenAPI()
	}
	return run(asked)
}

func setsSchema(files map[string]string) bool {
	for _, text := range files {
		if strings.Contains(strings.ToLower(text), "openapi") {
			return true
		}
	}
	return false
}

func run(asked request) (found answer) {
	defer func() {
		if r := recover(); r != nil {
			found = answer{Error: fmt.Sprintf("panic: %v", r)}
			openapi.ResetOpenAPI()
		}
	}()
	fs := filesys.MakeFsInMemory()
	for path, text := range asked.Files {
		if err := fs.WriteFile("/"+path, []byte(text)); err != nil {
			return answer{Error: "oracle: " + err.Error()}
		}
	}
	var stdout bytes.Buffer
	command := build.NewCmdBuild(fs, build.MakeHelp("kustomize", "build"), &stdout)
	silence(command)
	command.SetArgs(asked.Args)
	if err := command.Execute(); err != nil {
		return answer{Error: err.Error()}
	}
	return answer{OK: true, Stdout: stdout.String(), Written: written(fs, asked.Files)}
}

func silence(command *cobra.Command) {
	command.SilenceErrors = true
	command.SetOut(io.Discard)
	command.SetErr(io.Discard)
}

func written(fs filesys.FileSystem, given map[string]string) map[string]string {
	made := map[string]string{}
	err := fs.Walk("/", func(path string, info os.FileInfo, err error) error {
		if err != nil || info.IsDir() {
			return err
		}
		name := strings.TrimPrefix(path, "/")
		if text, ok := given[name]; ok {
			if content, err := fs.ReadFile(path); err == nil && string(content) == text {
				return nil
			}
		}
		content, err := fs.ReadFile(path)
		made[name] = string(content)
		return err
	})
	if err != nil {
		return nil
	}
	return made
}

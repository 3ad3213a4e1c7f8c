// Command kube_scheduler runs the real kube-scheduler in process over placement scenarios and writes what it decided,
// in the fields of the scenario files: the other side of our placement in comparisons and benchmarks.
//
//	kube_scheduler decide < scenarios.jsonl > answers.jsonl
//	kube_scheduler gangs < scenarios.jsonl > answers.jsonl
//	kube_scheduler bench < scenarios.jsonl > times.jsonl
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"

	utilfeature "k8s.io/apiserver/pkg/util/feature"
	"k8s.io/klog/v2"
)

const longestLine = 64 << 20

type decided struct {
	ID      string   `json:"id"`
	Answers []answer `json:"answers,omitempty"`
	Error   string   `json:"error,omitempty"`
}

// each calls one function for each scenario of a JSON Lines stream and writes what it returns as a line.
func each(in io.Reader, out io.Writer, handle func(*scenario) any) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(make([]byte, 1<<20), longestLine)
	writer := bufio.NewWriter(out)
	encoder := json.NewEncoder(writer)
	encoder.SetEscapeHTML(false)
	for lines.Scan() {
		s := &scenario{}
		if err := json.Unmarshal(lines.Bytes(), s); err != nil {
			return fmt.Errorf("scenario cannot be read: %w", err)
		}
		if err := encoder.Encode(handle(s)); err != nil {
			return err
		}
		if err := writer.Flush(); err != nil {
			return err
		}
	}
	return lines.Err()
}

func decideOne(s *scenario) any {
	answers, err := decide(s)
	if err != nil {
		return decided{ID: s.ID, Error: err.Error()}
	}
	return decided{ID: s.ID, Answers: answers}
}

// gates switches feature gates for the whole process, before any scheduler is built.
func gates(settings map[string]bool) error {
	return utilfeature.DefaultMutableFeatureGate.SetFromMap(settings)
}

func run(arguments []string) error {
	if len(arguments) == 0 {
		return fmt.Errorf("say what to do: decide, gangs, bench")
	}
	switch arguments[0] {
	case "decide":
		// Victims are removed by us, at a known time; a goroutine of the scheduler would race with that.
		if err := gates(map[string]bool{"SchedulerAsyncPreemption": false}); err != nil {
			return err
		}
		return each(os.Stdin, os.Stdout, decideOne)
	case "gangs":
		settings := map[string]bool{"SchedulerAsyncPreemption": false, "GenericWorkload": true, "GangScheduling": true}
		if err := gates(settings); err != nil {
			return err
		}
		return each(os.Stdin, os.Stdout, decideGangsOne)
	case "bench":
		return each(os.Stdin, os.Stdout, benchOne)
	}
	return fmt.Errorf("unknown command %q", arguments[0])
}

func main() {
	flags := flag.NewFlagSet("klog", flag.ContinueOnError)
	klog.InitFlags(flags)
	klog.SetLogger(klog.Logger{})
	klog.LogToStderr(false)
	klog.SetOutput(io.Discard)
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "kube_scheduler:", err)
		os.Exit(1)
	}
}

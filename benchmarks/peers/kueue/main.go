// The real Kueue scheduler, in process, over scenario files (docs/engine.md): reads scenarios from standard input, one
// JSON object a line, and writes one answer a line in the fields of a recorded answer.
package main

import (
	"bufio"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"reflect"
	"strings"
	"syscall"
	"time"

	"github.com/go-logr/logr"
	utilfeature "k8s.io/apiserver/pkg/util/feature"
	ctrl "sigs.k8s.io/controller-runtime"
)

func main() {
	gates := flag.String("gates", "", "feature gates that are not at their default: Name=true,Other=false")
	runs := flag.Int("runs", 1, "runs of each scenario; decisions that differ between them are marked as random")
	unit := flag.Duration("unit", time.Millisecond, "what one unit of time in the scenarios is")
	bench := flag.Bool("bench", false, "write only counts and what deciding took")
	flag.Parse()
	ctrl.SetLogger(logr.Discard())
	if err := serve(os.Stdin, os.Stdout, *gates, *runs, *unit, *bench); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func serve(in io.Reader, out io.Writer, gates string, runs int, unit time.Duration, bench bool) error {
	if gates != "" {
		if err := utilfeature.DefaultMutableFeatureGate.Set(gates); err != nil {
			return err
		}
	}
	reader, writer := bufio.NewReaderSize(in, 1<<20), bufio.NewWriter(out)
	for {
		line, err := reader.ReadBytes('\n')
		if len(strings.TrimSpace(string(line))) > 0 {
			if err := answerLine(line, writer, runs, unit, bench); err != nil {
				return err
			}
		}
		if err == io.EOF {
			return writer.Flush()
		}
		if err != nil {
			return err
		}
	}
}

type taken struct {
	ID        string  `json:"id"`
	Stats     stats   `json:"stats"`
	Wall      float64 `json:"wall"`
	Processor float64 `json:"cpu"`
}

func answerLine(line []byte, writer *bufio.Writer, runs int, unit time.Duration, bench bool) error {
	var given scenario
	if err := json.Unmarshal(line, &given); err != nil {
		return err
	}
	began, used := time.Now(), processorTime()
	first := guarded(&given, unit)
	var result any = first
	if bench {
		result = taken{given.ID, first.Stats, time.Since(began).Seconds(), processorTime() - used}
	}
	for again := 1; again < runs; again++ {
		merge(first, guarded(&given, unit))
	}
	written, err := json.Marshal(result)
	if err != nil {
		return err
	}
	if _, err = writer.Write(append(written, '\n')); err != nil {
		return err
	}
	return writer.Flush()
}

// guarded turns what Kueue cannot do, or does not survive, into an answer.
func guarded(given *scenario, unit time.Duration) (result *answer) {
	defer func() {
		if problem := recover(); problem != nil {
			result = &answer{ID: given.ID, Error: fmt.Sprintf("panic: %v", problem)}
		}
	}()
	result, err := run(given, unit)
	if err != nil {
		return &answer{ID: given.ID, Error: err.Error()}
	}
	return result
}

// merge notes in an answer what another run of the same scenario did otherwise. Kueue iterates over maps, whose order
// Go makes random; where only texts differ, the alternatives are listed.
func merge(first, other *answer) {
	if !reflect.DeepEqual(first.Decisions, other.Decisions) || first.Stats != other.Stats {
		first.Random = true
		return
	}
	for index := range first.Pending {
		mine, theirs := &first.Pending[index], other.Pending[index]
		if mine.Queue != theirs.Queue {
			first.Random = true
		}
		known := strings.Split(mine.Message, "\n")
		if !contains(known, theirs.Message) {
			mine.Message = strings.Join(append(known, theirs.Message), "\n")
		}
	}
	if !reflect.DeepEqual(first.PendingLog, other.PendingLog) {
		first.PendingLog = nil
	}
}

func contains(texts []string, text string) bool {
	for _, each := range texts {
		if each == text {
			return true
		}
	}
	return false
}

func processorTime() float64 {
	var usage syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &usage) != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}

package main

import (
	"fmt"
	"sync/atomic"
	"syscall"
	"time"

	v1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clienttesting "k8s.io/client-go/testing"
)

// stalled is how long no pod may be bound before the run is given up.
const stalled = 30 * time.Second

// measured is what one run of the whole scheduler took, from the first pod popped to the last one bound.
type measured struct {
	ID      string  `json:"id"`
	Bound   int64   `json:"bound"`
	Seconds float64 `json:"seconds"`
	CPU     float64 `json:"cpu_seconds"`
	Error   string  `json:"error,omitempty"`
}

// processorSeconds is the CPU time this process has used so far, in user and system mode.
func processorSeconds() float64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()).Seconds()
}

// bench runs the scheduler as it is, with its queue, its parallel filters and its binding goroutines, until every pod
// of the scenario is bound. Bindings are accepted at once; the bound pod is confirmed in the cache.
func bench(s *scenario) (measured, error) {
	c, err := newCluster(silent, nil)
	if err != nil {
		return measured{}, err
	}
	defer c.cancel()
	if err := c.load(s); err != nil {
		return measured{}, err
	}
	pods := map[string]*v1.Pod{}
	for i, spec := range s.Pods {
		spec.Start = firstStart + int64(i)
		pod := spec.object()
		pods[pod.Name] = pod
		if err := store(c.informers.Core().V1().Pods().Informer(), pod); err != nil {
			return measured{}, err
		}
		c.sched.SchedulingQueue.Add(c.ctx, pod)
	}
	var bound atomic.Int64
	done := make(chan struct{})
	c.client.PrependReactor("create", "pods", func(action clienttesting.Action) (bool, runtime.Object, error) {
		binding, ok := action.(clienttesting.CreateAction).GetObject().(*v1.Binding)
		if !ok {
			return false, nil, nil
		}
		running := *pods[binding.Name]
		running.Spec.NodeName = binding.Target.Name
		if err := c.sched.Cache.AddPod(c.logger, &running); err != nil {
			return true, nil, err
		}
		if bound.Add(1) == int64(len(pods)) {
			close(done)
		}
		return true, nil, nil
	})
	processor, begin := processorSeconds(), time.Now()
	go c.sched.Run(c.ctx)
	for before := int64(0); ; {
		select {
		case <-done:
			took := time.Since(begin).Seconds()
			return measured{s.ID, bound.Load(), took, processorSeconds() - processor, ""}, nil
		case <-time.After(stalled):
			now := bound.Load()
			if now == before {
				return measured{}, fmt.Errorf("only %d of %d pods were bound", now, len(pods))
			}
			before = now
		}
	}
}

func benchOne(s *scenario) any {
	result, err := bench(s)
	if err != nil {
		return measured{ID: s.ID, Error: err.Error()}
	}
	return result
}

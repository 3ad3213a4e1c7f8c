package main

import (
	"context"
	"fmt"
	"sync"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	kueue "sigs.k8s.io/kueue/apis/kueue/v1beta2"
)

// memory stands in for the API server: it answers reads and keeps the status patches of the current cycle.
// Calls that the scheduler does not make are left to the nil interface and would end the program.
type memory struct {
	client.Client
	workloads map[string]*kueue.Workload

	lock    sync.Mutex
	patches []*kueue.Workload
}

func (m *memory) Get(_ context.Context, key client.ObjectKey, into client.Object, _ ...client.GetOption) error {
	switch object := into.(type) {
	case *corev1.Namespace:
		object.Name = key.Name
		return nil
	case *kueue.Workload:
		found := m.workloads[key.Name]
		if found == nil {
			return apierrors.NewNotFound(schema.GroupResource{Resource: "workloads"}, key.Name)
		}
		found.DeepCopyInto(object)
		return nil
	default:
		return fmt.Errorf("read of an unexpected %T", into)
	}
}

// List finds nothing: objects reach caches and queues directly, and there are no LimitRanges.
func (*memory) List(context.Context, client.ObjectList, ...client.ListOption) error { return nil }

func (m *memory) Status() client.SubResourceWriter { return statusWriter{memory: m} }

func (m *memory) taken() []*kueue.Workload {
	m.lock.Lock()
	defer m.lock.Unlock()
	patches := m.patches
	m.patches = nil
	return patches
}

type statusWriter struct {
	client.SubResourceWriter
	memory *memory
}

func (w statusWriter) Patch(
	_ context.Context, object client.Object, _ client.Patch, _ ...client.SubResourcePatchOption,
) error {
	patched, ok := object.(*kueue.Workload)
	if !ok {
		return fmt.Errorf("patch of an unexpected %T", object)
	}
	w.memory.lock.Lock()
	defer w.memory.lock.Unlock()
	w.memory.patches = append(w.memory.patches, patched.DeepCopy())
	return nil
}

// silent drops events.
type silent struct{}

func (silent) Eventf(runtime.Object, runtime.Object, string, string, string, string, ...any) {}

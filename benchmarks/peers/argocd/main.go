// Argo CD's own library as a peer: it syncs a tree to a cluster as Argo CD would, and says what it finds different.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"time"

	"github.com/argoproj/gitops-engine/pkg/cache"
	"github.com/argoproj/gitops-engine/pkg/diff"
	"github.com/argoproj/gitops-engine/pkg/sync"
	"github.com/argoproj/gitops-engine/pkg/sync/common"
	"github.com/argoproj/gitops-engine/pkg/utils/kube"
	"github.com/argoproj/gitops-engine/pkg/utils/tracing"
	"github.com/go-logr/logr"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const (
	application = "peer"
	manager     = "argocd-controller"
	trackingID  = "argocd.argoproj.io/tracking-id"

	limit        = 2 * time.Minute
	betweenLooks = 500 * time.Millisecond
	betweenWaves = 2 * time.Second
)

// tracked is what the cache keeps of an object: the mark of the application that it belongs to.
type tracked struct{ id string }

type outcome struct {
	Key     string `json:"key"`
	Status  string `json:"status"`
	Message string `json:"message"`
}

type report struct {
	Phase     string    `json:"phase"`
	Results   []outcome `json:"results"`
	OutOfSync []string  `json:"outOfSync"`
}

func main() {
	kubeconfig := flag.String("kubeconfig", "", "kubeconfig of the cluster")
	serverSide := flag.Bool("server-side", true, "server-side apply")
	compare := flag.Bool("compare", false, "compare only")
	flag.Parse()
	// The field manager of a client-side apply is the program's name.
	os.Args[0] = manager
	found, err := run(*kubeconfig, *serverSide, *compare)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(found); err != nil {
		os.Exit(1)
	}
}

func run(kubeconfig string, serverSide, compare bool) (*report, error) {
	config, err := clientcmd.BuildConfigFromFlags("", kubeconfig)
	if err != nil {
		return nil, err
	}
	config.QPS, config.Burst = 500, 1000
	tree, err := read()
	if err != nil {
		return nil, err
	}
	live := clusterCache(config)
	defer live.Invalidate()
	if err := live.EnsureSynced(); err != nil {
		return nil, err
	}
	found := &report{Results: []outcome{}, OutOfSync: []string{}}
	if !compare {
		if err := apply(config, live, tree, serverSide, found); err != nil {
			return nil, err
		}
	}
	return found, differences(config, tree, found)
}

// read takes the objects from standard input, a JSON array, and marks them as Argo CD does.
func read() ([]*unstructured.Unstructured, error) {
	var bodies []map[string]interface{}
	if err := json.NewDecoder(os.Stdin).Decode(&bodies); err != nil {
		return nil, err
	}
	tree := make([]*unstructured.Unstructured, 0, len(bodies))
	for _, body := range bodies {
		item := &unstructured.Unstructured{Object: body}
		annotations := item.GetAnnotations()
		if annotations == nil {
			annotations = map[string]string{}
		}
		annotations[trackingID] = idOf(kube.GetResourceKey(item))
		item.SetAnnotations(annotations)
		tree = append(tree, item)
	}
	return tree, nil
}

func idOf(key kube.ResourceKey) string {
	return fmt.Sprintf("%s:%s/%s:%s/%s", application, key.Group, key.Kind, key.Namespace, key.Name)
}

func clusterCache(config *rest.Config) cache.ClusterCache {
	return cache.NewClusterCache(config, cache.SetLogr(logr.Discard()),
		cache.SetPopulateResourceInfoHandler(func(item *unstructured.Unstructured, _ bool) (interface{}, bool) {
			id := item.GetAnnotations()[trackingID]
			return &tracked{id}, id != ""
		}))
}

func isManaged(resource *cache.Resource) bool {
	return resource.Info.(*tracked).id == idOf(resource.ResourceKey())
}

// apply syncs until the operation is over or time is up. As in Argo CD's controller, each look at the cluster makes a new
// context, which goes on with the state of the last one, and two seconds pass between waves.
func apply(
	config *rest.Config, live cache.ClusterCache, tree []*unstructured.Unstructured, serverSide bool, found *report,
) error {
	tool := kubectl{&kube.KubectlCmd{Log: logr.Discard(), Tracer: tracing.NopTracer{}}}
	pause := func(_ common.SyncPhase, _ int, final bool) error {
		if !final {
			time.Sleep(betweenWaves)
		}
		return nil
	}
	started := metav1.Now()
	phase, message, results := common.OperationRunning, "", []common.ResourceSyncResult(nil)
	for end := started.Add(limit); !phase.Completed() && time.Now().Before(end); time.Sleep(betweenLooks) {
		managed, err := live.GetManagedLiveObjs(tree, isManaged)
		if err != nil {
			return err
		}
		pairs := sync.Reconcile(tree, managed, "default", live)
		step, cleanup, err := sync.NewSyncContext("revision", pairs, config, config, tool, "default", live.GetOpenAPISchema(),
			sync.WithPrune(true), sync.WithServerSideApply(serverSide), sync.WithSyncWaveHook(pause),
			sync.WithInitialState(phase, message, results, started), sync.WithLogr(logr.Discard()))
		if err != nil {
			return err
		}
		step.Sync()
		phase, message, results = step.GetState()
		cleanup()
	}
	found.Phase = string(phase)
	for _, one := range results {
		found.Results = append(found.Results, outcome{one.ResourceKey.String(), string(one.Status), one.Message})
	}
	return nil
}

// differences names what Argo CD would call out of sync.
func differences(config *rest.Config, tree []*unstructured.Unstructured, found *report) error {
	fresh := clusterCache(config)
	defer fresh.Invalidate()
	if err := fresh.EnsureSynced(); err != nil {
		return err
	}
	managed, err := fresh.GetManagedLiveObjs(tree, isManaged)
	if err != nil {
		return err
	}
	pairs := sync.Reconcile(tree, managed, "default", fresh)
	for index, target := range pairs.Target {
		actual := pairs.Live[index]
		switch {
		case target == nil:
			found.OutOfSync = append(found.OutOfSync, "extra "+key(actual))
		case actual == nil:
			found.OutOfSync = append(found.OutOfSync, "missing "+key(target))
		default:
			result, err := diff.Diff(target, actual)
			if err != nil {
				return err
			}
			if result.Modified {
				found.OutOfSync = append(found.OutOfSync, "changed "+key(target))
			}
		}
	}
	return nil
}

func key(item *unstructured.Unstructured) string {
	found := kube.GetResourceKey(item)
	return found.String()
}

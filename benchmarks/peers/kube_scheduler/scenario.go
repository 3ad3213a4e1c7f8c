package main

import (
	"encoding/json"
	"fmt"
	"time"

	v1 "k8s.io/api/core/v1"
	policyv1 "k8s.io/api/policy/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

const (
	// firstStart is the start time of the first placed pod, in Unix seconds; the next ones follow a second apart.
	firstStart    = 1_701_000_000
	mebibyte      = 1 << 20
	schedulerName = "default-scheduler"
)

// scenario is one line of a placement scenario file. Fields that are Kubernetes' own keep its types.
type scenario struct {
	ID         string                       `json:"id"`
	Nodes      []nodeSpec                   `json:"nodes"`
	Existing   []podSpec                    `json:"existing"`
	Pods       []podSpec                    `json:"pods"`
	Nominated  []podSpec                    `json:"nominated"`
	Budgets    []budgetSpec                 `json:"pdbs"`
	Claims     []claimSpec                  `json:"pvcs"`
	Immediate  []string                     `json:"storage_classes_immediate"`
	Namespaces map[string]map[string]string `json:"namespaces"`
	Gangs      []gangSpec                   `json:"gangs"`
	Answers    []answer                     `json:"answers"`
}

// picks gives the choices among equals that recorded answers made, by pod; one for each attempt. They are followed,
// so that a scenario can be run again on the same track.
func (s *scenario) picks() map[string][]string {
	result := map[string][]string{}
	for _, recorded := range s.Answers {
		for _, tried := range recorded.Attempts {
			pick := tried.Node
			if pick == "" && tried.Preemption != nil {
				pick = tried.Preemption.Nominated
			}
			result[recorded.Pod] = append(result[recorded.Pod], pick)
		}
	}
	return result
}

type nodeSpec struct {
	Name          string            `json:"name"`
	Labels        map[string]string `json:"labels"`
	Taints        []v1.Taint        `json:"taints"`
	Unschedulable bool              `json:"unschedulable"`
	Allocatable   map[string]int64  `json:"allocatable"`
	Images        map[string]int64  `json:"images"`
}

type podSpec struct {
	Name              string                        `json:"name"`
	Namespace         string                        `json:"namespace"`
	Node              string                        `json:"node"`
	Start             int64                         `json:"start"`
	Requests          map[string]int64              `json:"requests"`
	Labels            map[string]string             `json:"labels"`
	Priority          int32                         `json:"priority"`
	PreemptionPolicy  *v1.PreemptionPolicy          `json:"preemptionPolicy"`
	NodeSelector      map[string]string             `json:"nodeSelector"`
	Affinity          *v1.Affinity                  `json:"affinity"`
	Tolerations       []v1.Toleration               `json:"tolerations"`
	SpreadConstraints []v1.TopologySpreadConstraint `json:"topologySpreadConstraints"`
	HostPorts         []portSpec                    `json:"hostPorts"`
	Images            []string                      `json:"images"`
	Claim             string                        `json:"pvc"`
	Nominated         string                        `json:"nominatedNodeName"`
	Gang              string                        `json:"-"`
}

type budgetSpec struct {
	Name      string                `json:"name"`
	Namespace string                `json:"namespace"`
	Selector  *metav1.LabelSelector `json:"selector"`
	Allowed   int32                 `json:"disruptionsAllowed"`
}

type claimSpec struct {
	Name         string `json:"name"`
	Namespace    string `json:"namespace"`
	StorageClass string `json:"storageClassName"`
}

type gangSpec struct {
	Name     string   `json:"name"`
	MinCount int32    `json:"minCount"`
	Pods     []string `json:"pods"`
}

// portSpec is a host port: a bare number, or an object with protocol and address.
type portSpec struct {
	Port     int32  `json:"port"`
	Protocol string `json:"protocol"`
	HostIP   string `json:"hostIP"`
}

func (p *portSpec) UnmarshalJSON(data []byte) error {
	if json.Unmarshal(data, &p.Port) == nil {
		return nil
	}
	type plain portSpec
	return json.Unmarshal(data, (*plain)(p))
}

func quantities(amounts map[string]int64) v1.ResourceList {
	list := v1.ResourceList{}
	for name, amount := range amounts {
		switch v1.ResourceName(name) {
		case v1.ResourceCPU:
			list[v1.ResourceCPU] = *resource.NewMilliQuantity(amount, resource.DecimalSI)
		case v1.ResourceMemory, v1.ResourceEphemeralStorage:
			list[v1.ResourceName(name)] = *resource.NewQuantity(amount*mebibyte, resource.BinarySI)
		default:
			list[v1.ResourceName(name)] = *resource.NewQuantity(amount, resource.DecimalSI)
		}
	}
	return list
}

func (n nodeSpec) object() *v1.Node {
	capacity := quantities(n.Allocatable)
	node := &v1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: n.Name, Labels: n.Labels, UID: types.UID(n.Name)},
		Spec:       v1.NodeSpec{Taints: n.Taints, Unschedulable: n.Unschedulable},
		Status:     v1.NodeStatus{Capacity: capacity, Allocatable: capacity},
	}
	for name, size := range n.Images {
		node.Status.Images = append(node.Status.Images, v1.ContainerImage{Names: []string{name}, SizeBytes: size})
	}
	return node
}

func (p podSpec) object() *v1.Pod {
	namespace := p.Namespace
	if namespace == "" {
		namespace = "default"
	}
	start := metav1.NewTime(time.Unix(p.Start, 0))
	pod := &v1.Pod{
		ObjectMeta: metav1.ObjectMeta{
			Name: p.Name, Namespace: namespace, Labels: p.Labels, UID: types.UID(namespace + "/" + p.Name),
			CreationTimestamp: start,
		},
		Spec: v1.PodSpec{
			NodeName:                  p.Node,
			SchedulerName:             schedulerName,
			Priority:                  &p.Priority,
			PreemptionPolicy:          p.PreemptionPolicy,
			NodeSelector:              p.NodeSelector,
			Affinity:                  p.Affinity,
			Tolerations:               p.Tolerations,
			TopologySpreadConstraints: p.SpreadConstraints,
		},
		Status: v1.PodStatus{Phase: v1.PodPending, StartTime: &start, NominatedNodeName: p.Nominated},
	}
	if p.Node != "" {
		pod.Status.Phase = v1.PodRunning
	}
	if p.Gang != "" {
		pod.Spec.SchedulingGroup = &v1.PodSchedulingGroup{PodGroupName: &p.Gang}
	}
	pod.Spec.Containers = p.containers()
	if p.Claim != "" {
		source := v1.PersistentVolumeClaimVolumeSource{ClaimName: p.Claim}
		volume := v1.Volume{Name: "data", VolumeSource: v1.VolumeSource{PersistentVolumeClaim: &source}}
		pod.Spec.Volumes = []v1.Volume{volume}
	}
	return pod
}

// containers gives one container for the requests and ports, and one more for each further image.
func (p podSpec) containers() []v1.Container {
	containers := []v1.Container{{Name: "main", Resources: v1.ResourceRequirements{Requests: quantities(p.Requests)}}}
	for _, port := range p.HostPorts {
		protocol := v1.ProtocolTCP
		if port.Protocol != "" {
			protocol = v1.Protocol(port.Protocol)
		}
		containers[0].Ports = append(containers[0].Ports, v1.ContainerPort{
			HostPort: port.Port, ContainerPort: port.Port, Protocol: protocol, HostIP: port.HostIP,
		})
	}
	for i, image := range p.Images {
		if i == 0 {
			containers[0].Image = image
			continue
		}
		// An explicit request of nothing: without it a further container would add the default of the scores.
		nothing := quantities(map[string]int64{"cpu": 0, "memory": 0})
		containers = append(containers, v1.Container{
			Name: fmt.Sprintf("c%d", i), Image: image, Resources: v1.ResourceRequirements{Requests: nothing},
		})
	}
	return containers
}

func (b budgetSpec) object() *policyv1.PodDisruptionBudget {
	namespace := b.Namespace
	if namespace == "" {
		namespace = "default"
	}
	return &policyv1.PodDisruptionBudget{
		ObjectMeta: metav1.ObjectMeta{Name: b.Name, Namespace: namespace},
		Spec:       policyv1.PodDisruptionBudgetSpec{Selector: b.Selector},
		Status:     policyv1.PodDisruptionBudgetStatus{DisruptionsAllowed: b.Allowed},
	}
}

func (c claimSpec) object() *v1.PersistentVolumeClaim {
	namespace := c.Namespace
	if namespace == "" {
		namespace = "default"
	}
	return &v1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: c.Name, Namespace: namespace, UID: types.UID("pvc/" + namespace + "/" + c.Name)},
		Spec:       v1.PersistentVolumeClaimSpec{StorageClassName: &c.StorageClass},
		Status:     v1.PersistentVolumeClaimStatus{Phase: v1.ClaimPending},
	}
}

func immediateClass(name string) *storagev1.StorageClass {
	mode := storagev1.VolumeBindingImmediate
	return &storagev1.StorageClass{
		ObjectMeta:  metav1.ObjectMeta{Name: name},
		Provisioner: "example.com/volumes",

		VolumeBindingMode: &mode,
	}
}

// namespaceObjects gives every namespace in use; one that the scenario does not describe carries only its name.
func (s *scenario) namespaceObjects() []*v1.Namespace {
	known := map[string]map[string]string{}
	for _, pods := range [][]podSpec{s.Existing, s.Nominated, s.Pods} {
		for _, pod := range pods {
			known[pod.Namespace] = nil
		}
	}
	delete(known, "")
	known["default"], known["other"] = nil, nil
	for name, labels := range s.Namespaces {
		known[name] = labels
	}
	objects := make([]*v1.Namespace, 0, len(known))
	for name, labels := range known {
		all := map[string]string{"kubernetes.io/metadata.name": name}
		for key, value := range labels {
			all[key] = value
		}
		objects = append(objects, &v1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: all}})
	}
	return objects
}

// Karpenter with its KWOK provider, on loopback, and a cloud that can be sold out.
//
// The provider as it comes has every machine at any time. Here a file names what is sold out, a line each: instance
// type and zone. Asking for such a machine is refused, and it counts as unavailable for a while, as the providers of
// clouds do it. A node has what its machine has, not only what the pods ask for that it was made for.
package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/log"
	"sigs.k8s.io/controller-runtime/pkg/manager"

	kwok "sigs.k8s.io/karpenter/kwok/cloudprovider"
	v1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	"sigs.k8s.io/karpenter/pkg/cloudprovider"
	"sigs.k8s.io/karpenter/pkg/cloudprovider/overlay"
	"sigs.k8s.io/karpenter/pkg/controllers"
	"sigs.k8s.io/karpenter/pkg/controllers/state"
	"sigs.k8s.io/karpenter/pkg/operator"
	"sigs.k8s.io/karpenter/pkg/scheduling"
)

// unavailableFor is how long a machine that was refused is not asked for again.
const unavailableFor = 3 * time.Minute

type machine struct{ instanceType, zone string }

type stock struct {
	cloudprovider.CloudProvider
	file    string
	mutex   sync.Mutex
	refused map[machine]time.Time
}

// Create takes the cheapest machine that would do and is to be had, and refuses where all are sold out.
func (s *stock) Create(ctx context.Context, claim *v1.NodeClaim) (*v1.NodeClaim, error) {
	types, err := s.CloudProvider.GetInstanceTypes(ctx, nil)
	if err != nil {
		return nil, err
	}
	sold, wanted := s.sold(), scheduling.NewNodeSelectorRequirementsWithMinValues(claim.Spec.Requirements...)
	var short []string
	var chosen *cloudprovider.InstanceType
	var at *cloudprovider.Offering
	for _, each := range types {
		if !wanted.Get(corev1.LabelInstanceTypeStable).Has(each.Name) {
			continue
		}
		for _, offering := range each.Offerings.Compatible(wanted) {
			it := machine{each.Name, offering.Zone()}
			if sold[it] {
				s.mutex.Lock()
				s.refused[it] = time.Now()
				s.mutex.Unlock()
				short = append(short, fmt.Sprintf("%s in %s", it.instanceType, it.zone))
			} else if at == nil || offering.Price < at.Price {
				chosen, at = each, offering
			}
		}
	}
	if chosen == nil {
		return nil, cloudprovider.NewInsufficientCapacityError(
			fmt.Errorf("InsufficientInstanceCapacity: no %s at present", strings.Join(short, ", no ")))
	}
	return s.CloudProvider.Create(ctx, narrowed(claim, chosen, at))
}

// narrowed is the claim for one machine. The provider gives a node the capacity that its claim asks for; a node has all
// that its machine has.
func narrowed(claim *v1.NodeClaim, it *cloudprovider.InstanceType, at *cloudprovider.Offering) *v1.NodeClaim {
	one := claim.DeepCopy()
	one.Spec.Resources.Requests = it.Capacity
	only := map[string]string{
		corev1.LabelInstanceTypeStable: it.Name,
		corev1.LabelTopologyZone:       at.Zone(),
		v1.CapacityTypeLabelKey:        at.CapacityType(),
	}
	var kept []v1.NodeSelectorRequirementWithMinValues
	for _, each := range one.Spec.Requirements {
		if only[each.Key] == "" {
			kept = append(kept, each)
		}
	}
	for key, value := range only {
		kept = append(kept, v1.NodeSelectorRequirementWithMinValues{NodeSelectorRequirement: corev1.NodeSelectorRequirement{
			Key: key, Operator: corev1.NodeSelectorOpIn, Values: []string{value},
		}})
	}
	one.Spec.Requirements = kept
	return one
}

// GetInstanceTypes marks what was refused lately, and is sold out still, as unavailable.
func (s *stock) GetInstanceTypes(ctx context.Context, pool *v1.NodePool) ([]*cloudprovider.InstanceType, error) {
	types, err := s.CloudProvider.GetInstanceTypes(ctx, pool)
	if err != nil {
		return nil, err
	}
	sold, told := s.sold(), make([]*cloudprovider.InstanceType, 0, len(types))
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, each := range types {
		own := &cloudprovider.InstanceType{}
		each.DeepCopyInto(own)
		for _, offering := range own.Offerings {
			it := machine{own.Name, offering.Zone()}
			offering.Available = !sold[it] || time.Since(s.refused[it]) > unavailableFor
		}
		told = append(told, own)
	}
	return told, nil
}

func (s *stock) sold() map[machine]bool {
	found := map[machine]bool{}
	file, err := os.Open(s.file)
	if err != nil {
		return found
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if words := strings.Fields(lines.Text()); len(words) == 2 {
			found[machine{words[0], words[1]}] = true
		}
	}
	return found
}

// ofTheirTypes moves what an offering says beside zone and capacity type, such as the name of an accelerator, to its
// instance type: the provider's file has no other place for it, and the providers of clouds keep it there.
func ofTheirTypes(types []*cloudprovider.InstanceType) {
	for _, each := range types {
		for _, offering := range each.Offerings {
			for key, requirement := range offering.Requirements {
				if key != corev1.LabelTopologyZone && key != v1.CapacityTypeLabelKey {
					each.Requirements.Add(requirement)
					delete(offering.Requirements, key)
				}
			}
		}
	}
}

// onLoopback makes a manager whose ports only this machine reaches: the operator asks for all addresses.
func onLoopback(config *rest.Config, options manager.Options) (manager.Manager, error) {
	options.Metrics.BindAddress = "127.0.0.1" + options.Metrics.BindAddress
	options.HealthProbeBindAddress = "127.0.0.1" + options.HealthProbeBindAddress
	return manager.New(config, options)
}

func main() {
	ctrl.NewManager = onLoopback
	ctx, op := operator.NewOperator()
	types, err := kwok.ConstructInstanceTypes(ctx)
	if err != nil {
		log.FromContext(ctx).Error(err, "instance types")
		os.Exit(1)
	}
	ofTheirTypes(types)
	cloud := &stock{
		CloudProvider: kwok.NewCloudProvider(ctx, op.GetClient(), types),
		file:          os.Getenv("SOLD_OUT_FILE"),
		refused:       map[machine]time.Time{},
	}
	provider := overlay.Decorate(cloud, op.GetClient(), op.InstanceTypeStore)
	op.WithControllers(ctx, controllers.NewControllers(
		ctx, op.Manager, op.Clock, op.GetClient(), op.EventRecorder, provider, cloud,
		state.NewCluster(op.Clock, op.GetClient(), provider), op.InstanceTypeStore,
	)...).Start(ctx)
}

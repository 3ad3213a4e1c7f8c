"""Words that components use in their messages: known everywhere, so that one of them names nobody."""

from __future__ import annotations

import re
from typing import Final

_PLAIN: Final = """
a about above absent accept accepted access accommodate across active add added address adds admin administrator
admission admissioncheck admissionfairsharing admit admitted advantage affinity after afterwards again against
aggregated ago algorithm all alloc allocatable allocation allow allowed allows alone already also alternatives
always among amount amounts an ancestor ancestors and annotation annotations anonymous another answered answers anti
any anything apart apiextensions applied apply approved are args arithmetic arrivals arrived as ascending ask asking
asks assign assigned assignment assumed at atc attempt attempting attempts audit auth authorization authorize
availability available aware back backoff base based baseline basic batched be became because becomes before begins
behind being belongs below best besteffort besteffortfifo beta better between binary bind binding blockadmission
blocked blocks borrow borrowed borrower borrowers borrowing borrowinglimit borrowingoverpreemption borrows
borrowwithincohort both bottom bound break breaks broken budget budgets built but by calling calls can cancelling
candidate candidates cannot capacity carried carries cause certificates change changed changes charge charged check
checked checks child children choice chosen claims clash class classes classical client clients cloud clustering
clusterqueue clusterqueues clusters cni cohort cohorts columns com combined come comes common compare comparing
comparison complete completed component compute concurrency concurrentadmission condition config configmap
configuration configured connect connection considered constraints construction consumed consumer container
containers controller controllers cordoned core cores correctly couldn count counted counters counts covered covers
cpu cpus crash create created creating creation current cycle daemon daemonset deactivated deallocate decays decides
decision decisions declared default delay delayed delete deleted deletion demand denied deployment desc
deterministic device devices dial didn differ difference different disk do does doesn domain domains dominant done
dot down dra driver dropped due duration each earlier early either elastic eligible else empty enable endless ends
engine enough enters entries entry equal equivalence errimagepull error even event events every everything evict
evicted eviction evidence exact exactly exceeded except excluded execution exist existing exists exits expected
experiment experiments explanations explicit expressions extended external facts fail failed failing fails failure
fair fairsharing fairsharingpreemptwithinnominal fairsharingprioritizenonborrowing false fast feasible fetch fewer
fewest fgd field figures file files fill filter find finish finished finishes first fit fits flag flavor
flavorassigner flavorfungibility flavorfungibilitypreservescanprogress flavorresource flavors fnv folder follows for
forbid forbidden force found fr fragment fragmentation free frequent from front frs full fuller fully fungibility
further future gang gangs gate gated gates generation generator get gets give gives go goes gone gpu gpus granular
group grouped groups had half has hash hashing hasn have haven head heads health healthy heap height held helpers
helpful hence here hierarchy higher highest histogram holding holds host hostname http https idle if
ignoreundeclared image imagelocality imagepullbackoff immediate implied importance important in inactive
inadmissible included includes inclusterqueue incohortfairsharing incohortreclaimwhileborrowing incohortreclamation
incoming incomplete init initialized inner input install instancegroups instant instead insufficient integer
integers interpodaffinity into intolerable invalid io is isn it its itself job jobs jobset jobuid joined json keep
keeps kep kept key keyed keys kind kinds kubeconfig kubectl kubeflow kubelet kubernetes label labels lack lacking
large last latency later latest layer leader leaf least leastallocated leave leaves left lend lendable lending
lendinglimit lessthaninitialshare lessthanorequaltofinalshare let level levels lexicographic lies life like limit
limitrange limitranger line list listed lists live local localhost localqueue localqueues log logs longer longest
loop lost low lower lowerornewerequalpriority lowerpriority lowest lq lws machine machinedeployment made main make
makes manager manifest manifests manually many map mark match matches matching max maximum may maystopsearch mean
meanwhile measured median memory merged message messages metadata mib milli min minimum minus minutes mismatch
missing mixed mode models module monotone month more most mount moved ms multikueue must name names namespace
namespaces needed needs negative neither network networkpluginnotready networkpolicies networkready never new next
nil no node nodeaffinity nodehasdiskpressure nodehasinsufficientmemory nodename nodenotready nodeports
noderesourcesfit nodes nodeselector nodeunschedulable noexecute nofit nominal nominate nominated non none nor
normalised normally noschedule not note nothing now ns number numbers nvidia objects of off offers often old on once
one ones only openb operator or oracle order ordered other others otherwise ours out outcomes over overhead overlap
overlapping own package packing pair parallel parent parents part partial partialadmission partly pass passed passes
patch path penalty pending pendingworkloads per persistent persistentvolume persistentvolumeclaim
persistentvolumeclaims phase picks pid pins pkg place placed placement placements plain please pleg plugin plugins
plus pod podaffinity podantiaffinity podrequests pods podsecurity podset podsets podsreadytimeout podtopologyspread
policies policy pop popped port ports posting pp preempt preempted preemptee preempting preemption
preemptionoverborrowing preemptionpolicy preemptions preemptor prefer preference prefernoschedule preferred
prefilter prefixes present pressure previous previously prior priorities prioritization prioritizepreemptorworkloads
priority priorityboost prioritysortingwithincohort private probe process processed processing product progress
progressed progressing project projects prove provisioner provisioningrequest pruned published pull pulling put
quantity queue queued queueingstrategy queues quota quotacheckstrategy quotareserved quotas random range ratio raw
ray rbac rdma reach reached read readable readiness reads ready real reason reasons reclaim reclaimablepods
reclaimwithincohort reclamation recompute recomputed record recorded reduced reduction reference references refused
refuses region registered rejected rejection relative release released relevant remaining remembered removal remove
removed removing replace replacement replaying replica replicaset reported reports repository request requested
requests requeue requeueat requeued required requirements reservation reserve reserved reserving reset resolve
resource resourceflavor resourcequota resources rest restarted restarting restricted result results resumed retry
returns right robin room root round route routecontroller rpc rules running runs runtime s same sample sampled
sampling satisfied satisfy say says scaled scaling scan scenarios scheduler schedulerlibraryintegration scheduling
schedulingequivalencehashing scope score scores second seconds secret security see seeded seen select selector self
semantics separately server service serviceaccount services set sets setting setup several sh shape shapes share
sharing short shorter should show showed side sigmoid signal signed sigterm similar simulate simulator since single
size sizes skew skipping slice slices small smaller smallest snapshot so soft some sort sorted sorts space speaks
spec specified specify spent spread start started starting starts startup state status statuscode stays step steps
sticky still stop stopped stops stored strategies strategy strict strictfifo strictly submit succeeded success
successfully sufficient sum summed suspended svc system t table taint tainted taints tainttoleration take taken
takes target targets tas tasbalancedplacement tashandleoverlappingflavors tasprofilemixed
tasrespectnodeaffinitypreferred tcp term terms tests text than that the their them then there these they this those
three threshold through tie tier ties time timed timeout times timestamp timestamps tls to together token tolerated
tolerations too took top topology topologyawarescheduling topologyrequest total tournament trace trainer
transformations tree trees tried tries trigger triggered true try trynextflavor turn twin two type typical uid
unauthorized unavailable unbound unconstrained undeclared under unexpected unhealthy unit units unknown unless
unlimited unpack unqueued unready unresolvable unschedulable unschedulableandunresolvable unscored unset until
untolerated unused up updated usage use used user uses usually valid validatingadmissionpolicy validation value
values verify version versions very victim victims violations visibility visible volume volumes wait
waitforpodsready waiting waits wake wakes walk wants warns was wasn way webhook webhooks weight weighted weights
were weren what when where which while who whole whose will wins with within without won words work worked working
workload workloads worse worst would write writes written yes yet zero zones
"""
_OF_NODES: Final = """
access address already argument arguments assign attach attached attachment authentication authority backoff blob bytes
canceled cannot cgroup cluster code command config connecting containerd context copy corrupt crashloopbackoff
createcontainerconfigerror createcontainererror createpodsandboxerror cri csi deadline decode detach device digest
directory disconnected dns eof errimageneverpull evicting exclusively exec executable exhausted exists exit exited
extract filesystem format found gateway headers host i idle imageinspecterror in inodes input invalidimagename ip
kill killed killing layer layers liveness lock locked lookup manifests media memory mismatched mkdir mountdevice
mounting mounted nonroot o oci oom oomkilled open operation output overlayfs path permission permitted platform
postfetch poststarthook prestop process read refused registryunavailable resolution resolve resolving response restart
restarting root rpc runasnonroot runc runcontainererror runtimes sandbox server signature signaturevalidationfailed
sigkill snapshotter socket ssl startprobe symlink sync syncing tag task terminated termination tls toomanyrequests
unattached unknown unmarshal unmount unmounted unmounting unpacking unreachable unsupported untar verification x509
"""
_OF_POD_SECURITY: Final = """
allowprivilegeescalation apparmor apparmorprofile capabilities capability drop escalation hostipc hostnetwork hostpath
hostpaths hostpid hostport hostports hostprocess net_bind_service privilege privileged probes procmount
restrictedvolumes runasgroup runasuser runtimedefault seccomp seccompprofile securitycontext selinuxoptions
sysctl sysctls unmasked unrestricted violate violates windowsoptions
securitycontext.allowprivilegeescalation securitycontext.capabilities.drop securitycontext.capabilities.add
securitycontext.privileged securitycontext.procmount securitycontext.runasnonroot securitycontext.runasuser
securitycontext.seccompprofile.type securitycontext.seccompprofile
"""
"""Of the checks of Kubernetes' Pod Security Standards (k8s.io/pod-security-admission)."""
_COMPOUND: Final = """
attachvolume.attach mountvolume.mountdevice mountvolume.setup multi-attach non-root read-only
anti-affinity back-off cluster-autoscaler default-scheduler ephemeral-storage kube-scheduler kueue-admission
node-controller non-existent non-overcommitable provisioning-request scale-up
"""
WORDS: Final = frozenset((*_PLAIN.split(), *_OF_NODES.split(), *_OF_POD_SECURITY.split(), *_COMPOUND.split()))
"""In lower case."""
_AMOUNT: Final = re.compile(r"v?\d[\d.]*(?:[munkMGTPEshd]|ms|[KMGTPE]i)?|\d[\dTZ.-]*")
_HUMP: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z][a-z]+|[a-z]+")
_DOMAIN: Final = re.compile(
    r"(?:[a-z0-9-]+\.)*(?:kubernetes\.io|k8s\.io|x-k8s\.io|k8s\.aws|karpenter\.sh|nvidia\.com|amd\.com)"
)


def is_amount(word: str) -> bool:
    """Whether a word is a number, an amount or a moment."""
    return _AMOUNT.fullmatch(word) is not None


def is_domain(word: str) -> bool:
    """Whether a word is a domain of the cluster's own or of a maker of devices."""
    return _DOMAIN.fullmatch(word) is not None


def is_known(word: str) -> bool:
    """Whether a word is one of a component's own, an amount or a moment; such a one says nothing of who is meant."""
    if word.lower() in WORDS or is_amount(word) or is_domain(word):
        return True
    # No name of an object has capitals; reasons are written in humps.
    return word.isalpha() and word[0].isupper() and all(each.lower() in WORDS for each in _HUMP.findall(word))

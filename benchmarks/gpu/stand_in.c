/* A STAND-IN for NVIDIA's driver libraries: no GPU, no computing. It answers what nvidia-ml-py and `program.py` call,
 * so that their real code runs where there is no GPU. Built twice from this file: libnvidia-ml.so.1 and libcuda.so.1.
 *
 * STAND_IN_GPU names a folder. Each process that "computes" keeps a file DEVICE-PID there: bytes it holds, and when it
 * last did anything. STAND_IN_GPU_COUNT says how many devices there are; CUDA_VISIBLE_DEVICES is heeded, by UUID.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TOTAL (80ULL << 30)
#define RECENT_US 1000000ULL
#define MOST 16

typedef struct { unsigned pid; unsigned long long memory; unsigned gi, ci; } process_info;
typedef struct { unsigned pid; unsigned long long at; unsigned sm, mem, enc, dec; } process_sample;
typedef struct { unsigned device; unsigned pid; unsigned long long memory, at; } holder;

static const char *folder(void) { const char *f = getenv("STAND_IN_GPU"); return f ? f : "/nonexistent"; }
static unsigned devices(void) { const char *n = getenv("STAND_IN_GPU_COUNT"); return n ? (unsigned)atoi(n) : 1; }

static unsigned long long now_us(void) {
  struct timespec t;
  clock_gettime(CLOCK_REALTIME, &t);
  return (unsigned long long)t.tv_sec * 1000000ULL + t.tv_nsec / 1000;
}

static void uuid_text(unsigned device, char *out) { sprintf(out, "GPU-00000000-0000-0000-0000-%012x", device + 1); }

#ifdef NVML
static int holders(unsigned device, holder *found) {
  DIR *dir = opendir(folder());
  struct dirent *entry;
  int number = 0;
  if (!dir) return 0;
  while ((entry = readdir(dir)) && number < MOST) {
    holder h;
    char path[4096];
    FILE *file;
    if (sscanf(entry->d_name, "%u-%u", &h.device, &h.pid) != 2 || h.device != device) continue;
    if (kill((pid_t)h.pid, 0)) continue; /* its memory went with it */
    snprintf(path, sizeof path, "%s/%s", folder(), entry->d_name);
    if (!(file = fopen(path, "r"))) continue;
    if (fscanf(file, "%llu %llu", &h.memory, &h.at) == 2 && h.memory) found[number++] = h;
    fclose(file);
  }
  closedir(dir);
  return number;
}

#define DEVICE(handle) ((unsigned)((uintptr_t)(handle) - 1))
int nvmlInitWithFlags(unsigned flags) { (void)flags; return devices() ? 0 : 9; }
int nvmlShutdown(void) { return 0; }
const char *nvmlErrorString(int code) { return code == 6 ? "Not Found" : "as the stand-in says"; }
int nvmlDeviceGetCount_v2(unsigned *count) { *count = devices(); return 0; }
int nvmlDeviceGetHandleByIndex_v2(unsigned index, void **handle) {
  if (index >= devices()) return 2;
  *handle = (void *)(uintptr_t)(index + 1);
  return 0;
}
int nvmlDeviceGetUUID(void *handle, char *out, unsigned length) {
  if (length < 41) return 7;
  uuid_text(DEVICE(handle), out);
  return 0;
}
int nvmlDeviceGetName(void *handle, char *out, unsigned length) {
  (void)handle;
  snprintf(out, length, "NVIDIA H100 80GB HBM3");
  return 0;
}
static unsigned long long used_of(void *handle) {
  holder found[MOST];
  unsigned long long sum = 0;
  for (int i = holders(DEVICE(handle), found); i-- > 0;) sum += found[i].memory;
  return sum;
}
int nvmlDeviceGetMemoryInfo(void *handle, unsigned long long *info) {
  info[0] = TOTAL; info[2] = used_of(handle); info[1] = TOTAL - info[2];
  return 0;
}
int nvmlDeviceGetMemoryInfo_v2(void *handle, void *raw) {
  struct { unsigned version; unsigned long long total, reserved, free, used; } *info = raw;
  if (info->version != 0x02000028) return 25;
  info->total = TOTAL; info->reserved = 0; info->used = used_of(handle); info->free = TOTAL - info->used;
  return 0;
}
int nvmlDeviceGetCudaComputeCapability(void *handle, int *major, int *minor) { (void)handle; *major = 9; *minor = 0; return 0; }
int nvmlDeviceGetMigMode(void *handle, unsigned *now, unsigned *then) { (void)handle; *now = *then = 0; return 0; }
int nvmlDeviceGetUtilizationRates(void *handle, unsigned *rates) {
  holder found[MOST];
  rates[0] = rates[1] = 0;
  for (int i = holders(DEVICE(handle), found); i-- > 0;)
    if (now_us() - found[i].at < RECENT_US) rates[0] = 100;
  return 0;
}
int nvmlDeviceGetComputeRunningProcesses_v3(void *handle, unsigned *count, process_info *out) {
  holder found[MOST];
  unsigned number = (unsigned)holders(DEVICE(handle), found), room = *count;
  *count = number;
  if (!number) return 0;
  if (!out || room < number) return 7;
  for (unsigned i = 0; i < number; i++) out[i] = (process_info){found[i].pid, found[i].memory, 0xFFFFFFFF, 0xFFFFFFFF};
  return 0;
}
int nvmlDeviceGetProcessUtilization(void *handle, process_sample *out, unsigned *count, unsigned long long since) {
  holder found[MOST];
  unsigned number = 0, room = *count;
  for (int i = holders(DEVICE(handle), found); i-- > 0;)
    if (found[i].at > since && now_us() - found[i].at < RECENT_US) {
      if (out && number < room) out[number] = (process_sample){found[i].pid, found[i].at, 100, 0, 0, 0};
      number++;
    }
  *count = number;
  return !number ? 6 : out && room >= number ? 0 : 7;
}
#else
static unsigned long long held[64];
static int current = 0;

static int visible(unsigned *out) {
  const char *list = getenv("CUDA_VISIBLE_DEVICES");
  int number = 0;
  for (unsigned device = 0; device < devices(); device++) {
    char text[41];
    uuid_text(device, text);
    if (!list || strstr(list, text)) out[number++] = device;
  }
  return number;
}
static void note(unsigned device, int busy) {
  char path[4096], other[4200];
  FILE *file;
  snprintf(path, sizeof path, "%s/%u-%u", folder(), device, (unsigned)getpid());
  snprintf(other, sizeof other, "%s.new", path);
  if (!(file = fopen(other, "w"))) return;
  fprintf(file, "%llu %llu\n", held[device], busy ? now_us() : 0);
  fclose(file);
  rename(other, path);
}
int cuInit(unsigned flags) { unsigned d[64]; (void)flags; return visible(d) ? 0 : 100; }
int cuDeviceGetCount(int *count) { unsigned d[64]; *count = visible(d); return 0; }
int cuDeviceGet(int *device, int ordinal) {
  unsigned d[64];
  if (ordinal < 0 || ordinal >= visible(d)) return 101;
  *device = (int)d[ordinal];
  return 0;
}
int cuDeviceGetUuid(unsigned char *out, int device) { memset(out, 0, 16); out[15] = (unsigned char)(device + 1); return 0; }
int cuDevicePrimaryCtxRetain(void **context, int device) { *context = (void *)(uintptr_t)(device + 1); return 0; }
int cuCtxSetCurrent(void *context) { current = (int)(uintptr_t)context - 1; return 0; }
int cuMemAlloc_v2(unsigned long long *pointer, size_t bytes) {
  held[current] += bytes;
  *pointer = 0x1000;
  note((unsigned)current, 0);
  return 0;
}
int cuMemsetD32_v2(unsigned long long pointer, unsigned value, size_t words) {
  static unsigned long long told;
  (void)pointer; (void)value; (void)words;
  if (now_us() - told > 100000) { told = now_us(); note((unsigned)current, 1); }
  return 0;
}
int cuCtxSynchronize(void) { usleep(2000); return 0; }
#endif

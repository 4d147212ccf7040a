/* A plug-in that breaks its contract at step 2 in the way its option says: crash, hang, catalogue, nan,
 * give_up, print; "crash=FILE" only as long as the file is there. Before, and with "none", it shows item 1 +
 * step. */
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "veer_plugin.h"

static char fault[1024];

uint32_t veer_plugin_version(void) { return VEER_PLUGIN_VERSION; }

void* veer_plugin_open(const struct veer_world* world, char* error, size_t size) {
  if (strcmp(world->options, "refuse") == 0) {
    snprintf(error, size, "not in this world");
    return NULL;
  }
  snprintf(fault, sizeof fault, "%s", world->options);
  return fault;
}

void veer_plugin_close(void* policy) { (void)policy; }

int veer_plugin_act(void* policy, const struct veer_batch* batch, struct veer_answer* answer) {
  (void)policy;
  for (int32_t row = 0; row < batch->rows; ++row) {
    answer->items[row] = 1 + (int32_t)batch->step[row];
    if (batch->step[row] != 2) continue;
    if (strcmp(fault, "crash") == 0) raise(SIGSEGV);
    if (strncmp(fault, "crash=", 6) == 0 && access(fault + 6, F_OK) == 0) raise(SIGSEGV);
    if (strcmp(fault, "hang") == 0) pause();
    if (strcmp(fault, "catalogue") == 0) answer->items[row] = 1000000;
    if (strcmp(fault, "nan") == 0) answer->log_prob[row] = NAN;
    if (strcmp(fault, "give_up") == 0) return 7;
    if (row == 0 && strcmp(fault, "print") == 0) printf("a plug-in may print\n");
  }
  return 0;
}

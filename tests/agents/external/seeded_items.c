/* A complete plug-in: shows any item that the person has neither taken nor been shown, all equally likely.
 *
 *     cc -shared -fPIC -I include/veer/agents/external -o seeded_items.so seeded_items.c -lm
 *     veer evaluate ... --policy plugin:./seeded_items.so
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "veer_plugin.h"

struct policy {
  struct veer_world world;
  unsigned char* taken; /* [items + 1] scratch */
};

uint32_t veer_plugin_version(void) { return VEER_PLUGIN_VERSION; }

void* veer_plugin_open(const struct veer_world* world, char* error, size_t size) {
  if (world->slots != 1) {
    snprintf(error, size, "found slates of %d items; expected a world of one item per step",
             (int)world->slots);
    return NULL;
  }
  struct policy* self = malloc(sizeof *self);
  self->world = *world;
  self->taken = malloc((size_t)world->items + 1);
  return self;
}

void veer_plugin_close(void* policy) {
  struct policy* self = policy;
  free(self->taken);
  free(self);
}

int veer_plugin_act(void* policy, const struct veer_batch* batch, struct veer_answer* answer) {
  struct policy* self = policy;
  const struct veer_world* world = &self->world;
  for (int32_t row = 0; row < batch->rows; ++row) {
    const int32_t* history = batch->history + (size_t)row * (size_t)world->history_capacity;
    const int32_t* shown = batch->shown + (size_t)row * (size_t)world->horizon;
    memset(self->taken, 0, (size_t)world->items + 1);
    for (int32_t k = 0; k < batch->history_size[row]; ++k) self->taken[history[k]] = 1;
    for (uint32_t k = 0; k < batch->step[row]; ++k) self->taken[shown[k]] = 1;
    /* The target is the goal of a path, not a step of it, where everything is accepted. */
    if (!world->sampled) self->taken[batch->target[row]] = 1;
    int32_t left = 0;
    for (int32_t item = 1; item <= world->items; ++item) left += !self->taken[item];
    if (left == 0) continue; /* zeros: the episode ends */
    int32_t skip = (int32_t)(batch->uniforms[row] * (float)left);
    int32_t item = 1;
    while (self->taken[item] || skip-- > 0) ++item;
    answer->items[row] = item;
    answer->log_prob[row] = -logf((float)left);
  }
  return 0;
}

/* Recommender policies from outside, as shared libraries: the interface between Veer and a plug-in in C.
 *
 * A plug-in is a shared library that exports the four functions at the end, played with
 *
 *     veer evaluate ... --policy plugin:./mine.so,some=option
 *
 * Everything is C99; no header of Veer but this one is needed, and nothing of Veer is linked.
 * PLUGIN_FORMAT.md says what is promised to a plug-in and what it must keep.
 *
 * Thread-safety: a process calls one function of a plug-in at a time. Veer starts several such processes,
 * each with a library and an opened policy of its own, and asks whichever is free: what a policy answers
 * about a row must be a function of that row and of the world, never of what it was asked before. Ownership:
 * all pointers are Veer's and end with the call, but for the world's, which live until close.
 */
#ifndef VEER_PLUGIN_H
#define VEER_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Raised when a plug-in built for the version before would no longer work. */
#define VEER_PLUGIN_VERSION 1

/* The world a policy will play in. */
struct veer_world {
  const char* scenario; /* versioned id, such as "guidance-v1" */
  const char* options;  /* what stood behind the file and its first comma; "" for nothing */
  int32_t sampled;      /* 1: people may refuse what is shown; 0: they accept everything */
  int32_t items;        /* size of the catalogue N; items are named 1..N, and 0 is no item */
  int32_t slots;        /* items shown per step; more than 1: slates */
  int32_t history_capacity;
  int32_t horizon; /* steps of an episode, at most */
  /* [N + 1] names of the items in the source of the data, UTF-8; item_ids[0] is "" */
  const char* const* item_ids;
};

/* What is known when a step begins, a row per episode. */
struct veer_batch {
  int32_t rows;
  int32_t greedy;          /* 1: give the best guess; 0: draw from the policy's distribution */
  const uint64_t* episode; /* [rows] */
  const uint32_t* step;    /* [rows] steps already taken in the episode */
  const int32_t* user;     /* [rows] index of the person in the data set */
  const int32_t* target;   /* [rows] item to guide towards, 0: none */
  /* [rows, history_capacity] what the person took before and accepted since, oldest first, right-padded with
   * 0 */
  const int32_t* history;
  const int32_t* history_size; /* [rows] */
  /* [rows, horizon, slots] what this episode has shown; the first step * slots of a row are set, others 0 */
  const int32_t* shown;
  const uint8_t* answers; /* the same shape: bit 0 accepted, bit 1 bought */
  /* Randomness, fixed by the seed of the run, the episode and the step: the only source a policy may use. */
  const uint32_t* seed;  /* [rows] for a generator of one's own */
  const float* uniforms; /* [rows, slots] in 0..1, 1 excluded */
};

/* Where the answer goes, zero-filled before the call. */
struct veer_answer {
  /* [rows, slots] 1..N, those of a slate distinct; a row of zeros ends the episode */
  int32_t* items;
  float*
      log_prob; /* [rows] natural logarithm of the probability with which the policy drew this; 0: unknown */
};

/* VEER_PLUGIN_VERSION as the plug-in was built with. */
uint32_t veer_plugin_version(void);
/* A policy for this world, or NULL with up to `size` bytes of text in `error` that says why. */
void* veer_plugin_open(const struct veer_world* world, char* error, size_t size);
/* Answers every row of the batch. 0: done; anything else: the policy gives up. */
int veer_plugin_act(void* policy, const struct veer_batch* batch, struct veer_answer* answer);
void veer_plugin_close(void* policy);

#ifdef __cplusplus
}
#endif
#endif

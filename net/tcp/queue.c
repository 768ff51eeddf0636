#include "net/tcp/queue.h"

#include "base/assert.h"
#include "base/mem.h"

#define CAP_MIN 4u

static so_tcp_piece *at(const so_tcp_queue *q, uint32_t i) {
  return &q->pieces[(q->first + i) & (q->cap - 1)];
}

void so_tcp_queue_init(so_tcp_queue *q, uint32_t start) { *q = (so_tcp_queue){.start = start}; }

void so_tcp_queue_release(so_tcp_queue *q, so_packet_pool *pool, const so_heap *heap) {
  for (uint32_t i = 0; i < q->count; i++) {
    so_page_drop(pool, &at(q, i)->frag);
  }
  so_heap_free(heap, q->pieces, q->cap * sizeof *q->pieces);
  *q = (so_tcp_queue){.start = q->start + q->len};
}

static bool grow(so_tcp_queue *q, const so_heap *heap) {
  const uint32_t cap = q->cap == 0 ? CAP_MIN : q->cap * 2;
  so_tcp_piece *pieces = so_heap_alloc(heap, cap * sizeof *pieces);
  if (pieces == NULL) {
    return false;
  }
  for (uint32_t i = 0; i < q->count; i++) {
    pieces[i] = *at(q, i);
  }
  so_heap_free(heap, q->pieces, q->cap * sizeof *q->pieces);
  q->pieces = pieces;
  q->cap = cap;
  q->first = 0;
  return true;
}

// push takes over the reference that `f` holds.
static bool push(so_tcp_queue *q, const so_heap *heap, const so_frag *f) {
  if (q->count == q->cap && !grow(q, heap)) {
    return false;
  }
  *at(q, q->count) = (so_tcp_piece){.frag = *f, .start = q->start + q->len};
  q->count++;
  return true;
}

static bool push_page(so_tcp_queue *q, so_packet_pool *pool, const so_heap *heap) {
  so_frag f;
  if (!so_page_alloc(pool, &f)) {
    return false;
  }
  if (!push(q, heap, &f)) {
    so_page_drop(pool, &f);
    return false;
  }
  return true;
}

// tidy gives the ring back once nothing is in it.
static void tidy(so_tcp_queue *q, const so_heap *heap) {
  if (q->count == 0 && q->cap != 0) {
    so_heap_free(heap, q->pieces, q->cap * sizeof *q->pieces);
    q->pieces = NULL;
    q->cap = 0;
    q->first = 0;
  }
}

static so_frag *tail_with_room(so_tcp_queue *q) {
  so_frag *f = q->count != 0 ? &at(q, q->count - 1)->frag : NULL;
  return f != NULL && f->spare != 0 ? f : NULL;
}

size_t so_tcp_queue_write(so_tcp_queue *q, so_packet_pool *pool, const so_heap *heap, so_bytes b) {
  SO_ASSERT(q->reserved == 0);
  size_t done = 0;
  while (done < b.len) {
    so_frag *f = tail_with_room(q);
    if (f == NULL) {
      if (!push_page(q, pool, heap)) {
        break;
      }
      f = tail_with_room(q);
    }
    const size_t n = b.len - done < f->spare ? b.len - done : f->spare;
    memcpy(f->ptr + f->len, b.ptr + done, n);
    f->len = (uint16_t)(f->len + n);
    f->spare = (uint16_t)(f->spare - n);
    q->len += (uint32_t)n;
    done += n;
  }
  tidy(q, heap);
  return done;
}

so_status so_tcp_queue_append(so_tcp_queue *q, so_packet_pool *pool, const so_heap *heap,
                              const so_frag *f) {
  SO_ASSERT(q->reserved == 0 && f->len != 0);
  so_frag view = *f;
  view.room = 0;
  view.spare = 0;  // Somebody else's page may go on after the view.
  if (!push(q, heap, &view)) {
    return so_status_make(SO_LIMIT, 0);
  }
  so_page_hold(pool, &view);
  q->len += view.len;
  return so_done();
}

size_t so_tcp_queue_reserve(so_tcp_queue *q, so_packet_pool *pool, const so_heap *heap, size_t len,
                            so_netdev_room rooms[SO_NETDEV_PARTS_MAX], size_t *out_count) {
  so_tcp_queue_commit(q, pool, heap, 0);
  size_t room = 0;
  size_t count = 0;
  while (room < len && count < SO_NETDEV_PARTS_MAX) {
    if ((count != 0 || tail_with_room(q) == NULL) && !push_page(q, pool, heap)) {
      break;
    }
    const so_frag *f = tail_with_room(q);
    const size_t n = len - room < f->spare ? len - room : f->spare;
    rooms[count++] = (so_netdev_room){f->ptr + f->len, n};
    room += n;
  }
  q->reserved = (uint32_t)count;
  *out_count = count;
  tidy(q, heap);
  return room;
}

void so_tcp_queue_commit(so_tcp_queue *q, so_packet_pool *pool, const so_heap *heap, size_t n) {
  for (uint32_t i = q->count - q->reserved; i < q->count && n != 0; i++) {
    so_tcp_piece *piece = at(q, i);
    const size_t take = n < piece->frag.spare ? n : piece->frag.spare;
    if (piece->frag.len == 0) {
      piece->start = q->start + q->len;
    }
    piece->frag.len = (uint16_t)(piece->frag.len + take);
    piece->frag.spare = (uint16_t)(piece->frag.spare - take);
    q->len += (uint32_t)take;
    n -= take;
  }
  SO_ASSERT(n == 0);
  q->reserved = 0;
  while (q->count != 0 && at(q, q->count - 1)->frag.len == 0) {
    so_page_drop(pool, &at(q, --q->count)->frag);
  }
  tidy(q, heap);
}

void so_tcp_queue_drop(so_tcp_queue *q, so_packet_pool *pool, const so_heap *heap, size_t n) {
  SO_ASSERT(n <= q->len);
  q->start += (uint32_t)n;
  q->len -= (uint32_t)n;
  while (n != 0) {
    so_tcp_piece *piece = at(q, 0);
    if (n >= piece->frag.len && q->count > q->reserved) {
      n -= piece->frag.len;
      so_page_drop(pool, &piece->frag);
      q->first = (q->first + 1) & (q->cap - 1);
      q->count--;
      continue;
    }
    // A reservation writes behind the view of its first piece: that one stays, even when empty.
    SO_ASSERT(n <= piece->frag.len);
    piece->frag.ptr += n;
    piece->frag.len = (uint16_t)(piece->frag.len - n);
    piece->start += (uint32_t)n;
    n = 0;
  }
  tidy(q, heap);
}

// find returns the piece that holds position `from`, which lies in the queue.
static uint32_t find(const so_tcp_queue *q, uint32_t from) {
  uint32_t low = 0;
  uint32_t high = q->count;
  while (high - low > 1) {
    const uint32_t mid = low + (high - low) / 2;
    if (at(q, mid)->start - q->start <= from - q->start) {
      low = mid;
    } else {
      high = mid;
    }
  }
  return low;
}

size_t so_tcp_queue_share(const so_tcp_queue *q, so_packet_pool *pool, uint32_t from, size_t len,
                          so_packet *p) {
  SO_ASSERT(from - q->start <= q->len && len <= q->len - (from - q->start));
  size_t done = 0;
  for (uint32_t i = len != 0 ? find(q, from) : q->count; i < q->count && done < len; i++) {
    const so_tcp_piece *piece = at(q, i);
    const uint32_t off = from + (uint32_t)done - piece->start;
    const size_t n = len - done < piece->frag.len - off ? len - done : piece->frag.len - off;
    if (!so_ok(so_packet_append_frag(pool, p, &piece->frag, off, n))) {
      break;
    }
    done += n;
  }
  return done;
}

so_bytes so_tcp_queue_front(const so_tcp_queue *q) {
  if (q->len == 0) {
    return so_bytes_of(NULL, 0);
  }
  const so_frag *f = &at(q, 0)->frag;
  return so_bytes_of(f->ptr, f->len);
}

void so_tcp_queue_copy(const so_tcp_queue *q, uint8_t *out, size_t len) {
  SO_ASSERT(len <= q->len);
  for (uint32_t i = 0; len != 0; i++) {
    const so_frag *f = &at(q, i)->frag;
    const size_t n = len < f->len ? len : f->len;
    memcpy(out, f->ptr, n);
    out += n;
    len -= n;
  }
}

#ifndef SO_APPS_STORED_DIFF_TEXT_H_
#define SO_APPS_STORED_DIFF_TEXT_H_

#include "apps/stored/call.h"
#include "store/tree/tree.h"

// so_diff_text_reply streams a difference as text/x-diff, one path at a time.
SO_MUST_USE so_status so_diff_text_reply(so_call *c, const so_tree *tree, so_diff *diff);

#endif  // SO_APPS_STORED_DIFF_TEXT_H_

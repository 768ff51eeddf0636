#ifndef SO_BASE_ASSERT_H_
#define SO_BASE_ASSERT_H_

// SO_ASSERT stops the program when an invariant of ours does not hold. It is on in every build,
// and it is for our own bugs: input, however hostile, is answered with a status.
// The trap raises the platform's crash report, which names the place from the debug information.
#define SO_ASSERT(cond)   \
  do {                    \
    if (!(cond)) {        \
      __builtin_trap();   \
    }                     \
  } while (0)

#endif  // SO_BASE_ASSERT_H_

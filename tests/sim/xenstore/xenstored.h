#ifndef SO_TESTS_SIM_XENSTORE_XENSTORED_H_
#define SO_TESTS_SIM_XENSTORE_XENSTORED_H_

// A simulated xenstored: the tree, watches, transactions and permissions that a domain sees, behind
// the page of a ring. It behaves, unless a test asks for something else: bytes in dribs, replies
// out of order, conflicts, errors, nonsense.

#include <xen/xen.h>
#include <xen/io/xs_wire.h>

#include <cstdint>
#include <cstring>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace so_test {

class Xenstored {
 public:
  static constexpr const char *kHome = "/local/domain/7/";

  Xenstored() : ring_(new xenstore_domain_interface) { NewRing(); }

  xenstore_domain_interface *ring() { return ring_.get(); }

  // Another page and another connection, as after a restore.
  xenstore_domain_interface *NewRing() {
    ring_.reset(new xenstore_domain_interface);
    memset(ring_.get(), 0, sizeof *ring_);
    Forget();
    return ring_.get();
  }

  // --- the tree, as the host changes it ---
  static std::string Absolute(const std::string &path) {
    return path.empty() || path[0] == '/' ? path : kHome + path;
  }
  void Set(const std::string &path, const std::string &value) {
    const std::string p = Absolute(path);
    tree_[p] = value;
    version_++;
    Fire(p, false);
  }
  void Remove(const std::string &path) {
    const std::string p = Absolute(path);
    Erase(&tree_, p);
    version_++;
    Fire(p, true);
  }
  std::string Get(const std::string &path) const {
    const auto it = tree_.find(Absolute(path));
    return it == tree_.end() ? "(none)" : it->second;
  }
  bool Has(const std::string &path) const { return tree_.count(Absolute(path)) != 0; }
  size_t watches() const { return watches_.size(); }
  size_t transactions() const { return transactions_.size(); }

  // --- how it behaves ---
  uint32_t bytes_a_step = UINT32_MAX;  // In each direction.
  bool deaf = false;                   // Takes nothing from the ring.
  bool mute = false;                   // Takes requests and answers none of them.
  bool backwards = false;              // Answers what came in one step in reverse order.
  int conflicts = 0;                   // Commits to refuse with EAGAIN.
  std::set<std::string> denied;        // Writes below these fail.
  std::function<void(xsd_sockmsg *, std::string *)> tamper;  // Changes replies.
  std::function<void(const std::string &path, const std::string &value)> on_write;
  uint64_t requests = 0;

  // Bytes as they are, behind what is to go out.
  void Push(const std::string &bytes) { out_ += bytes; }
  void Push(uint32_t type, uint32_t id, uint32_t tx, const std::string &payload) {
    const xsd_sockmsg h = {type, id, tx, static_cast<uint32_t>(payload.size())};
    out_.append(reinterpret_cast<const char *>(&h), sizeof h);
    out_ += payload;
  }

  // One turn of the daemon; true if it did anything.
  bool Step() {
    in_step_ = true;
    bool any = Reconnect();
    if (!deaf) any |= Receive();
    any |= Send();
    in_step_ = false;
    return any;
  }

 private:
  using Tree = std::map<std::string, std::string>;
  struct Transaction {
    Tree tree;
    uint64_t version;
    std::vector<std::pair<std::string, bool>> changes;  // Path, removed.
  };
  struct Watch {
    std::string path;  // As it was asked for.
    std::string token;
  };

  void Forget() {
    watches_.clear();
    transactions_.clear();
    in_.clear();
    out_.clear();
  }

  bool Reconnect() {
    if (ring_->connection != XENSTORE_RECONNECT ||
        (ring_->server_features & XENSTORE_SERVER_FEATURE_RECONNECTION) == 0 || deaf) {
      return false;
    }
    Forget();
    ring_->req_cons = ring_->req_prod = ring_->rsp_cons = ring_->rsp_prod = 0;
    ring_->connection = XENSTORE_CONNECTED;
    return true;
  }

  bool Receive() {
    uint32_t n = 0;
    while (n < bytes_a_step && ring_->req_cons != ring_->req_prod) {
      in_.push_back(ring_->req[MASK_XENSTORE_IDX(ring_->req_cons)]);
      ring_->req_cons++;
      n++;
    }
    std::deque<std::string> answers;
    xsd_sockmsg h;
    while (in_.size() >= sizeof h) {
      memcpy(&h, in_.data(), sizeof h);
      if (in_.size() < sizeof h + h.len) break;
      const std::string payload = in_.substr(sizeof h, h.len);
      in_.erase(0, sizeof h + h.len);
      requests++;
      std::string answer = Answer(&h, payload);
      if (tamper) tamper(&h, &answer);
      h.len = static_cast<uint32_t>(answer.size());
      answer.insert(0, reinterpret_cast<const char *>(&h), sizeof h);
      if (backwards) {
        answers.push_front(answer);
      } else {
        answers.push_back(answer);
      }
    }
    for (const std::string &a : answers) {
      if (!mute) out_ += a;
    }
    // The events of a watch come after the reply to whoever caused them.
    for (const auto &e : events_) Push(XS_WATCH_EVENT, 0, 0, e);
    events_.clear();
    return n != 0;
  }

  bool Send() {
    uint32_t n = 0;
    while (n < bytes_a_step && n < out_.size() &&
           ring_->rsp_prod - ring_->rsp_cons < XENSTORE_RING_SIZE) {
      ring_->rsp[MASK_XENSTORE_IDX(ring_->rsp_prod)] = out_[n++];
      ring_->rsp_prod++;
    }
    out_.erase(0, n);
    return n != 0;
  }

  static std::string Error(xsd_sockmsg *h, const char *name) {
    h->type = XS_ERROR;
    return std::string(name) + '\0';
  }

  std::string Answer(xsd_sockmsg *h, const std::string &payload) {
    const size_t nul = payload.find('\0');
    if (nul == std::string::npos) return Error(h, "EINVAL");
    const std::string first = payload.substr(0, nul);
    const std::string rest = payload.substr(nul + 1);
    if (h->type == XS_TRANSACTION_START) return Begin();
    if (h->type == XS_TRANSACTION_END) return End(h, first == "T");
    if (h->type == XS_WATCH) return AddWatch(h, first, rest);
    if (h->type == XS_UNWATCH) return DropWatch(h, first, rest);
    return OnPath(h, Absolute(first), rest);
  }

  std::string OnPath(xsd_sockmsg *h, const std::string &path, const std::string &value) {
    Tree *tree = &tree_;
    Transaction *tx = nullptr;
    if (h->tx_id != 0) {
      const auto it = transactions_.find(h->tx_id);
      if (it == transactions_.end()) return Error(h, "ENOENT");
      tx = &it->second;
      tree = &tx->tree;
    }
    switch (h->type) {
      case XS_READ:
        return tree->count(path) == 0 ? Error(h, "ENOENT") : (*tree)[path];
      case XS_DIRECTORY:
        return List(h, *tree, path);
      case XS_WRITE:
        for (const std::string &d : denied) {
          if (path.compare(0, d.size(), d) == 0) return Error(h, "EACCES");
        }
        (*tree)[path] = value;
        Changed(tx, path, false);
        if (on_write && tx == nullptr) on_write(path, value);
        return std::string("OK") + '\0';
      case XS_RM:
        if (!Exists(*tree, path)) return Error(h, "ENOENT");
        Erase(tree, path);
        Changed(tx, path, true);
        return std::string("OK") + '\0';
      default:
        return Error(h, "ENOSYS");
    }
  }

  void Changed(Transaction *tx, const std::string &path, bool removed) {
    if (tx != nullptr) {
      tx->changes.emplace_back(path, removed);
    } else {
      version_++;
      Fire(path, removed);
    }
  }

  static bool Exists(const Tree &tree, const std::string &path) {
    const auto it = tree.lower_bound(path);
    return it != tree.end() &&
           (it->first == path || it->first.compare(0, path.size() + 1, path + "/") == 0);
  }
  static void Erase(Tree *tree, const std::string &path) {
    for (auto it = tree->lower_bound(path); it != tree->end();) {
      const bool below =
          it->first == path || it->first.compare(0, path.size() + 1, path + "/") == 0;
      it = below ? tree->erase(it) : std::next(it);
    }
  }
  std::string List(xsd_sockmsg *h, const Tree &tree, const std::string &path) {
    if (!Exists(tree, path)) return Error(h, "ENOENT");
    std::set<std::string> names;
    for (const auto &e : tree) {
      if (e.first.compare(0, path.size() + 1, path + "/") != 0) continue;
      const std::string below = e.first.substr(path.size() + 1);
      names.insert(below.substr(0, below.find('/')));
    }
    std::string out;
    for (const std::string &n : names) out += n + '\0';
    return out.size() > XENSTORE_PAYLOAD_MAX ? Error(h, "E2BIG") : out;
  }

  std::string Begin() {
    const uint32_t id = next_tx_++;
    transactions_[id] = {tree_, version_, {}};
    return std::to_string(id) + '\0';
  }
  std::string End(xsd_sockmsg *h, bool commit) {
    const auto it = transactions_.find(h->tx_id);
    if (it == transactions_.end()) return Error(h, "ENOENT");
    const Transaction tx = it->second;
    transactions_.erase(it);
    if (!commit) return std::string("OK") + '\0';
    if (conflicts > 0 || tx.version != version_) {
      conflicts -= conflicts > 0;
      return Error(h, "EAGAIN");
    }
    tree_ = tx.tree;
    for (const auto &c : tx.changes) {
      version_++;
      Fire(c.first, c.second);
      if (on_write && !c.second) on_write(c.first, tree_[c.first]);
    }
    return std::string("OK") + '\0';
  }

  std::string AddWatch(xsd_sockmsg *h, const std::string &path, const std::string &rest) {
    const std::string token = rest.substr(0, rest.find('\0'));
    for (const Watch &w : watches_) {
      if (w.path == path && w.token == token) return Error(h, "EEXIST");
    }
    watches_.push_back({path, token});
    events_.push_back(path + '\0' + token + '\0');
    return std::string("OK") + '\0';
  }
  std::string DropWatch(xsd_sockmsg *h, const std::string &path, const std::string &rest) {
    const std::string token = rest.substr(0, rest.find('\0'));
    for (size_t i = 0; i < watches_.size(); i++) {
      if (watches_[i].path == path && watches_[i].token == token) {
        watches_.erase(watches_.begin() + static_cast<long>(i));
        return std::string("OK") + '\0';
      }
    }
    return Error(h, "ENOENT");
  }
  void Fire(const std::string &path, bool removed) {
    for (const Watch &w : watches_) {
      const std::string watched = Absolute(w.path);
      const bool below =
          path == watched || path.compare(0, watched.size() + 1, watched + "/") == 0;
      const bool above = removed && watched.compare(0, path.size() + 1, path + "/") == 0;
      if (below || above) events_.push_back(w.path + '\0' + w.token + '\0');
    }
    if (!in_step_) {
      for (const auto &e : events_) Push(XS_WATCH_EVENT, 0, 0, e);
      events_.clear();
    }
  }

  std::unique_ptr<xenstore_domain_interface> ring_;
  Tree tree_;
  uint64_t version_ = 1;
  std::vector<Watch> watches_;
  std::map<uint32_t, Transaction> transactions_;
  uint32_t next_tx_ = 1;
  std::string in_, out_;
  std::vector<std::string> events_;
  bool in_step_ = false;
};

}  // namespace so_test

#endif  // SO_TESTS_SIM_XENSTORE_XENSTORED_H_

#include "edge/net/tls_ciphers.h"

#include <openssl/core_dispatch.h>
#include <openssl/core_names.h>
#include <openssl/params.h>
#include <openssl/provider.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "edge/net/tls_errors.h"
#include "edge/net/tls_policy.h"

namespace perigee::net {
namespace {

constexpr size_t nonce_bytes = 12;
constexpr const char* provider_name = "perigee";
// A name of our own: asking for a provider by its name would take the place of what a configuration of
// OpenSSL's asks for by name.
constexpr const char* definition = "provider=perigee,x.perigee=yes";
constexpr const char* preference = "?x.perigee=yes";

// The default provider's functions for one cipher, with ours in place of two.
struct Lent {
  OSSL_FUNC_cipher_get_ctx_params_fn* get = nullptr;
  OSSL_FUNC_cipher_set_ctx_params_fn* set = nullptr;
  std::vector<OSSL_DISPATCH> functions;
};

// Written before there are threads, and needed for as long as anything of OpenSSL's.
struct Offer {
  OSSL_PROVIDER* lender = nullptr;
  std::array<Lent, ciphers_tls13.size()> ciphers;
  std::array<OSSL_ALGORITHM, ciphers_tls13.size() + 1> algorithms{};  // the last is the end
  OSSL_PROVIDER* provider = nullptr;
};
constinit Offer* offered = nullptr;

bool asks_only_for_nonce(const OSSL_PARAM* wanted) {
  return wanted != nullptr && wanted[0].key != nullptr && wanted[1].key == nullptr &&
         std::strncmp(wanted[0].key, OSSL_CIPHER_PARAM_IVLEN, sizeof OSSL_CIPHER_PARAM_IVLEN) == 0;
}

template <size_t which>
int get_params(void* context, OSSL_PARAM* wanted) {
  if (asks_only_for_nonce(wanted)) return OSSL_PARAM_set_size_t(wanted, nonce_bytes);
  return offered->ciphers[which].get(context, wanted);
}

template <size_t which>
int set_params(void* context, const OSSL_PARAM* given) {
  const OSSL_PARAM* length = OSSL_PARAM_locate_const(given, OSSL_CIPHER_PARAM_IVLEN);
  size_t bytes = 0;
  if (length != nullptr && (OSSL_PARAM_get_size_t(length, &bytes) != 1 || bytes != nonce_bytes)) return 0;
  return offered->ciphers[which].set(context, given);
}

using Function = void (*)();
struct Ours {
  OSSL_FUNC_cipher_get_ctx_params_fn* get;
  OSSL_FUNC_cipher_set_ctx_params_fn* set;
};
constexpr std::array<Ours, ciphers_tls13.size()> ours = {
    {{get_params<0>, set_params<0>}, {get_params<1>, set_params<1>}, {get_params<2>, set_params<2>}}};

bool begins_with(std::string_view all_names, std::string_view name) {
  return all_names.starts_with(name) && (all_names.size() == name.size() || all_names[name.size()] == ':');
}

// False: it lacks what we would answer for.
bool lend(const OSSL_ALGORITHM& from, size_t which) {
  Lent& cipher = offered->ciphers[which];
  for (const OSSL_DISPATCH* function = from.implementation; function->function_id != 0; ++function) {
    OSSL_DISPATCH lent = *function;
    if (lent.function_id == OSSL_FUNC_CIPHER_GET_CTX_PARAMS) {
      cipher.get = OSSL_FUNC_cipher_get_ctx_params(function);
      lent.function = reinterpret_cast<Function>(ours[which].get);
    } else if (lent.function_id == OSSL_FUNC_CIPHER_SET_CTX_PARAMS) {
      cipher.set = OSSL_FUNC_cipher_set_ctx_params(function);
      lent.function = reinterpret_cast<Function>(ours[which].set);
    }
    cipher.functions.push_back(lent);
  }
  cipher.functions.push_back({0, nullptr});
  offered->algorithms[which] = {from.algorithm_names, definition, cipher.functions.data(), ""};
  return cipher.get != nullptr && cipher.set != nullptr;
}

bool lend_all() {
  int no_cache = 0;
  size_t lent = 0;
  const OSSL_ALGORITHM* from = OSSL_PROVIDER_query_operation(offered->lender, OSSL_OP_CIPHER, &no_cache);
  if (from == nullptr || no_cache != 0) return false;
  for (; from->algorithm_names != nullptr; ++from) {
    for (size_t i = 0; i < ciphers_tls13.size(); ++i) {
      if (begins_with(from->algorithm_names, ciphers_tls13[i])) lent += lend(*from, i);
    }
  }
  return lent == ciphers_tls13.size();
}

const OSSL_ALGORITHM* query(void*, int operation, int* no_cache) {
  *no_cache = 0;
  return operation == OSSL_OP_CIPHER ? offered->algorithms.data() : nullptr;
}

// The lent functions are to have the default provider's context.
int begin(const OSSL_CORE_HANDLE*, const OSSL_DISPATCH*, const OSSL_DISPATCH** functions, void** context) {
  static const std::array<OSSL_DISPATCH, 2> provider = {
      {{OSSL_FUNC_PROVIDER_QUERY_OPERATION, reinterpret_cast<Function>(query)}, {0, nullptr}}};
  *functions = provider.data();
  *context = OSSL_PROVIDER_get0_provider_ctx(offered->lender);
  return 1;
}

// Null when something of it is not there.
OSSL_PROVIDER* make_offer() {
  // Where a configuration of OpenSSL's leaves the default provider out, it is not for us to bring it in.
  if (OSSL_PROVIDER_available(nullptr, "default") != 1) return nullptr;
  offered->lender = OSSL_PROVIDER_load(nullptr, "default");
  if (offered->lender == nullptr || !lend_all()) return nullptr;
  if (OSSL_PROVIDER_add_builtin(nullptr, provider_name, begin) != 1) return nullptr;
  return OSSL_PROVIDER_try_load(nullptr, provider_name, 1);
}

}  // namespace

bool offer_tls_ciphers() {
  if (offered != nullptr) return offered->provider != nullptr;
  offered = new Offer;
  offered->provider = make_offer();
  forget_tls_errors();
  return offered->provider != nullptr;
}

const char* tls_cipher_properties() {
  return offered != nullptr && offered->provider != nullptr ? preference : nullptr;
}

}  // namespace perigee::net

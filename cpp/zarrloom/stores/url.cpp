#include <array>
#include <filesystem>
#include <system_error>
#include <utility>

#include "zarrloom/stores/http.h"
#include "zarrloom/stores/reference.h"
#include "zarrloom/stores/s3.h"
#include "zarrloom/stores/store.h"
#include "zarrloom/stores/zip.h"

namespace zarrloom {
namespace {

constexpr std::string_view kMark = "://";

// `rest` is what follows "scheme://".
using Open = std::shared_ptr<Store> (*)(std::string_view rest, const FileStoreOptions& options);

// Not percent-decoded: "%" is a legal character of a path, and locate() writes paths as they are.
std::shared_ptr<Store> open_file(std::string_view rest, const FileStoreOptions& options) {
  constexpr std::string_view kLocalHost = "localhost/";
  if (rest.starts_with(kLocalHost)) rest.remove_prefix(kLocalHost.size() - 1);
  if (!rest.starts_with('/')) {
    fail(ErrorCode::invalid_argument, "file://" + std::string(rest) +
                                          ": needs three slashes and an absolute path, as in "
                                          "file:///data/a.zarr");
  }
  return make_file_store(std::string(rest), options);
}

// The options are those of a folder.
std::shared_ptr<Store> open_memory(std::string_view rest, const FileStoreOptions&) {
  if (!rest.empty()) {
    fail(ErrorCode::invalid_argument,
         "memory://" + std::string(rest) +
             ": memory stores have no names; pass on the store that memory:// gave");
  }
  return make_memory_store();
}

std::shared_ptr<Store> open_zip_file(std::string path, const FileStoreOptions& options) {
  const ZipMode mode = options.read_only ? ZipMode::read : ZipMode::on_demand;
  return make_zip_store(std::move(path), {.mode = mode, .fsync = options.fsync});
}

std::shared_ptr<Store> open_zip(std::string_view rest, const FileStoreOptions& options) {
  if (!rest.starts_with('/')) {
    fail(ErrorCode::invalid_argument, "zip://" + std::string(rest) +
                                          ": needs three slashes and an absolute path, as in "
                                          "zip:///data/a.zip");
  }
  return open_zip_file(std::string(rest), options);
}

// The options are those of stores that are written.
std::shared_ptr<Store> open_reference(std::string_view rest, const FileStoreOptions&) {
  return open_reference_store(std::string(rest));
}

// The options are those of a folder; make_http_store() takes its own.
std::shared_ptr<Store> open_http(std::string_view rest, const FileStoreOptions&) {
  return make_http_store("http://" + std::string(rest));
}

std::shared_ptr<Store> open_https(std::string_view rest, const FileStoreOptions&) {
  return make_http_store("https://" + std::string(rest));
}

std::shared_ptr<Store> open_s3(std::string_view rest, const FileStoreOptions&) {
  return make_s3_store(rest);
}

// A folder may have such a name, too.
bool is_path_of_zip(const std::string& path) {
  std::error_code ignored;
  return path.ends_with(".zip") && !std::filesystem::is_directory(path, ignored);
}

std::shared_ptr<Store> open_path(std::string path, const FileStoreOptions& options) {
  return is_path_of_zip(path) ? open_zip_file(std::move(path), options)
                              : make_file_store(std::move(path), options);
}

struct Scheme {
  std::string_view name;
  Open open;
};
constexpr std::array kSchemes{Scheme{"file", open_file}, Scheme{"memory", open_memory},
                              Scheme{"zip", open_zip},   Scheme{"reference", open_reference},
                              Scheme{"http", open_http}, Scheme{"https", open_https},
                              Scheme{"s3", open_s3}};

std::string lower(std::string_view text) {
  std::string result(text);
  for (char& c : result) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return result;
}

[[noreturn]] void fail_scheme(std::string_view url, const std::string& scheme) {
  std::string message = std::string(url) + ": no store is known for \"" + scheme + "://\"; known: ";
  for (const Scheme& known : kSchemes) message += std::string(known.name) + "://, ";
  fail(ErrorCode::unsupported, message + "or a plain path");
}

}  // namespace

std::shared_ptr<Store> open_store(std::string_view url, FileStoreOptions options) {
  const std::size_t mark = url.find(kMark);
  // "/data/odd://name" is a path: a scheme has no slash.
  if (mark == std::string_view::npos || url.substr(0, mark).find('/') != std::string_view::npos) {
    return open_path(std::string(url), options);
  }
  const std::string scheme = lower(url.substr(0, mark));
  for (const Scheme& known : kSchemes) {
    if (known.name == scheme) return known.open(url.substr(mark + kMark.size()), options);
  }
  fail_scheme(url, scheme);
}

}  // namespace zarrloom

// An HTTP server for webhook_test, with TLS and a certificate of its own where the test wants it.
// It serves in a thread of its own; a call to it may come from any thread. Fails by exception.
#pragma once

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include <gtest/gtest.h>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

namespace driftd {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using Request = http::request<http::string_body>;

// A certificate for one host name that signs itself, and its key, as PEM files.
class Certificate {
 public:
  explicit Certificate(const std::string& host) {
    const std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key(EVP_EC_gen("P-256"),
                                                                  EVP_PKEY_free);
    const std::unique_ptr<X509, decltype(&X509_free)> made(X509_new(), X509_free);
    X509* const certificate = made.get();
    X509_set_version(certificate, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3'600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3'600);
    X509_set_pubkey(certificate, key.get());
    const std::string name = "DNS:" + host;
    X509_EXTENSION* const names =
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, name.c_str());
    X509_add_ext(certificate, names, -1);
    X509_EXTENSION_free(names);
    X509_sign(certificate, key.get(), EVP_sha256());
    write(certificate_file(), [&](BIO* file) { PEM_write_bio_X509(file, certificate); });
    write(key_file(), [&](BIO* file) {
      PEM_write_bio_PrivateKey(file, key.get(), nullptr, nullptr, 0, nullptr, nullptr);
    });
  }
  ~Certificate() { std::filesystem::remove_all(folder_); }
  Certificate(const Certificate&) = delete;
  Certificate& operator=(const Certificate&) = delete;

  std::string certificate_file() const { return folder_ / "certificate.pem"; }
  std::string key_file() const { return folder_ / "key.pem"; }

 private:
  static void write(const std::string& path, const auto& content) {
    BIO* const file = BIO_new_file(path.c_str(), "w");
    ASSERT_NE(file, nullptr);
    content(file);
    BIO_free(file);
  }

  static std::filesystem::path fresh_folder() {
    std::string path = (std::filesystem::temp_directory_path() / "driftd-webhook-XXXXXX").string();
    if (mkdtemp(path.data()) == nullptr) throw std::runtime_error("no temporary folder");
    return path;
  }

  const std::filesystem::path folder_ = fresh_folder();
};

enum class Behaviour { answer, hang, reset, close };

// Listens on 127.0.0.1 and treats every request alike.
class Server {
 public:
  explicit Server(std::string answer, Behaviour behaviour = Behaviour::answer,
                  const Certificate* certificate = nullptr)
      : answer_(std::move(answer)), behaviour_(behaviour) {
    if (certificate != nullptr) {
      tls_.emplace(asio::ssl::context::tls_server);
      tls_->use_certificate_file(certificate->certificate_file(), asio::ssl::context::pem);
      tls_->use_private_key_file(certificate->key_file(), asio::ssl::context::pem);
    }
    thread_ = std::thread([this] { serve(); });
  }
  ~Server() {
    stopping_ = true;
    tcp::socket wake(context_);
    boost::system::error_code ignored;
    wake.connect(acceptor_.local_endpoint(), ignored);
    thread_.join();
  }
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  int port() const { return acceptor_.local_endpoint().port(); }
  std::vector<Request> requests() const {
    const std::scoped_lock lock(mutex_);
    return requests_;
  }
  std::string server_name() const {
    const std::scoped_lock lock(mutex_);
    return server_name_;
  }

 private:
  void serve() {
    std::vector<tcp::socket> hanging;
    while (true) {
      tcp::socket socket = acceptor_.accept();
      if (stopping_) return;
      if (tls_) {
        asio::ssl::stream<tcp::socket&> stream(socket, *tls_);
        boost::system::error_code error;
        stream.handshake(asio::ssl::stream_base::server, error);
        if (error) continue;
        const char* const name =
            SSL_get_servername(stream.native_handle(), TLSEXT_NAMETYPE_host_name);
        {
          const std::scoped_lock lock(mutex_);
          server_name_ = name == nullptr ? "" : name;
        }
        treat(stream, socket);
      } else {
        treat(socket, socket);
      }
      if (behaviour_ == Behaviour::hang) hanging.push_back(std::move(socket));
    }
  }

  void treat(auto& stream, tcp::socket& socket) {
    boost::beast::flat_buffer buffer;
    Request request;
    boost::system::error_code error;
    http::read(stream, buffer, request, error);
    if (error) return;
    {
      const std::scoped_lock lock(mutex_);
      requests_.push_back(request);
    }
    if (behaviour_ == Behaviour::answer) asio::write(stream, asio::buffer(answer_), error);
    // No time to linger: the close becomes a reset.
    if (behaviour_ == Behaviour::reset) {
      socket.set_option(asio::socket_base::linger(true, 0), error);
      socket.close(error);
    }
  }

  const std::string answer_;
  const Behaviour behaviour_;
  asio::io_context context_;
  std::optional<asio::ssl::context> tls_;
  tcp::acceptor acceptor_{context_, tcp::endpoint(asio::ip::address_v4::loopback(), 0)};
  std::atomic<bool> stopping_ = false;
  mutable std::mutex mutex_;
  std::vector<Request> requests_;
  std::string server_name_;
  std::thread thread_;
};

}  // namespace driftd

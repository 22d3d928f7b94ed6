// SPDX-License-Identifier: MIT
// Copyright (c) 2026 The Roomwire founders
#include "tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>

struct tls {
    const char *certificate, *key; // borrowed from the configuration
    pthread_mutex_t lock;
    SSL_CTX *context; // guarded by lock; sessions hold references of their own
};

// `struct tls_session` is SSL by another name.
static SSL *ssl_of(struct tls_session *session)
{
    return (SSL *)session;
}

// ---- certificate and settings ----

// RFC 7301: whoever negotiates a protocol gets HTTP/1.1 or no connection.
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *out_len,
                           const unsigned char *offered, unsigned offered_len, void *context)
{
    static const unsigned char ours[] = "\x08http/1.1";
    (void)ssl; // the same for everybody
    (void)context;
    unsigned char *chosen = NULL;
    if (SSL_select_next_proto(&chosen, out_len, ours, sizeof ours - 1, offered, offered_len) !=
        OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_ALERT_FATAL;
    *out = chosen;
    return SSL_TLSEXT_ERR_OK;
}

static enum err complain(const char *path, const char *what, struct buf *why)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    buf_printf(why, "%s: %s%s%s", path, what, reason ? ": " : "", reason ? reason : "");
    ERR_clear_error();
    return ERR_INVALID;
}

static enum err load_files(SSL_CTX *context, const struct tls *tls, struct buf *why)
{
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context, tls->certificate) != 1)
        return complain(tls->certificate, "cannot be used as certificate chain", why);
    if (SSL_CTX_use_PrivateKey_file(context, tls->key, SSL_FILETYPE_PEM) != 1)
        return complain(tls->key, "cannot be used as key of the certificate", why);
    return ERR_OK;
}

static enum err make_context(const struct tls *tls, SSL_CTX **out_context, struct buf *why)
{
    SSL_CTX *context = SSL_CTX_new(TLS_server_method());
    if (context == NULL)
        return ERR_MEMORY;
    if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) != 1) {
        SSL_CTX_free(context);
        return ERR_MEMORY;
    }
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE |
                                     SSL_OP_IGNORE_UNEXPECTED_EOF);
    // Partial and moving: a write may take less than was offered, and be repeated from elsewhere.
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                  SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    // Sessions are resumed by tickets, which cost the server no memory.
    (void)SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF); // returns the mode before
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
    enum err err = load_files(context, tls, why);
    if (err != ERR_OK) {
        SSL_CTX_free(context);
        return err;
    }
    *out_context = context;
    return ERR_OK;
}

enum err tls_create(const char *certificate, const char *key, struct tls **out_tls, struct buf *why)
{
    struct tls *tls = calloc(1, sizeof *tls);
    if (tls == NULL)
        return ERR_MEMORY;
    tls->certificate = certificate;
    tls->key = key;
    (void)pthread_mutex_init(&tls->lock, NULL); // cannot fail with default attributes
    enum err err = make_context(tls, &tls->context, why);
    if (err != ERR_OK) {
        tls_destroy(tls);
        return err;
    }
    *out_tls = tls;
    return ERR_OK;
}

enum err tls_reload(struct tls *tls, struct buf *why)
{
    SSL_CTX *fresh = NULL;
    enum err err = make_context(tls, &fresh, why);
    if (err != ERR_OK)
        return err;
    pthread_mutex_lock(&tls->lock);
    SSL_CTX *old = tls->context;
    tls->context = fresh;
    pthread_mutex_unlock(&tls->lock);
    SSL_CTX_free(old); // the sessions that use it hold it
    return ERR_OK;
}

void tls_destroy(struct tls *tls)
{
    if (tls == NULL)
        return;
    SSL_CTX_free(tls->context);
    (void)pthread_mutex_destroy(&tls->lock); // nobody holds it
    free(tls);
}

// ---- one connection ----

struct tls_session *tls_open(struct tls *tls, int fd)
{
    pthread_mutex_lock(&tls->lock);
    SSL *ssl = SSL_new(tls->context);
    pthread_mutex_unlock(&tls->lock);
    if (ssl == NULL || SSL_set_fd(ssl, fd) != 1) {
        SSL_free(ssl);
        ERR_clear_error();
        return NULL;
    }
    SSL_set_accept_state(ssl);
    return (struct tls_session *)ssl;
}

void tls_close(struct tls_session *session)
{
    ERR_clear_error();
    // Half a shutdown: the peer's own goodbye is not waited for (RFC 8446 §6.1).
    if (SSL_is_init_finished(ssl_of(session)))
        (void)SSL_shutdown(ssl_of(session)); // if the socket is full, its end says the same
    SSL_free(ssl_of(session));
    ERR_clear_error();
}

// Who speaks HTTP to this port is told so, in HTTP.
static void answer_plain_http(SSL *ssl)
{
    static const char answer[] = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\n"
                                 "Content-Length: 24\r\nConnection: close\r\n\r\n"
                                 "This port speaks HTTPS.\n";
    // Nobody is served worse if it does not arrive.
    (void)send(SSL_get_fd(ssl), answer, sizeof answer - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
}

static enum tls_result result_of(SSL *ssl, int returned)
{
    switch (SSL_get_error(ssl, returned)) {
    case SSL_ERROR_WANT_READ:
        return TLS_WANT_READ;
    case SSL_ERROR_WANT_WRITE:
        return TLS_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN:
        return TLS_CLOSED;
    default:
        if (ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST)
            answer_plain_http(ssl);
        // After a failure OpenSSL wants to hear nothing more of the session.
        SSL_set_quiet_shutdown(ssl, 1);
        ERR_clear_error();
        return TLS_FAILED;
    }
}

enum tls_result tls_read(struct tls_session *session, void *bytes, size_t cap, size_t *out_len)
{
    ERR_clear_error();
    int returned = SSL_read_ex(ssl_of(session), bytes, cap, out_len);
    return returned == 1 ? TLS_OK : result_of(ssl_of(session), returned);
}

enum tls_result tls_write(struct tls_session *session, const void *bytes, size_t len,
                          size_t *out_len)
{
    ERR_clear_error();
    int returned = SSL_write_ex(ssl_of(session), bytes, len, out_len);
    return returned == 1 ? TLS_OK : result_of(ssl_of(session), returned);
}

bool tls_has_pending(const struct tls_session *session)
{
    // Not SSL_has_pending, which is also true of a record that has come in part: more of that epoll
    // tells, and whoever asked again at once would ask without end.
    return SSL_pending((const SSL *)session) > 0;
}
